/// A name, or a pattern of names: `*` stands for any bytes, also none, `?` for one. Case counts, and names are compared as
/// bytes.
package struct NamePattern: Sendable, Hashable {
    private let pattern: [UInt8]
    /// The bytes of the shortest name that fits.
    private let minimum: Int

    package init(_ text: String) {
        self.init(pattern: Array(text.utf8))
    }

    private init(pattern: [UInt8]) {
        self.pattern = pattern
        minimum = pattern.count { $0 != UInt8(ascii: "*") }
    }

    /// The pattern that every name fits.
    package static let everything = NamePattern("*")

    /// Whether `name` fits. Costs at most the product of both lengths.
    package func matches(_ name: [UInt8]) -> Bool {
        guard name.count >= minimum else { return false }
        let (pattern, name) = (pattern.span, name.span)
        var (at, place) = (0, 0)
        // Where to go on when what follows the last star does not fit; negative before the first one.
        var (star, resumed) = (-1, 0)
        while place < name.count {
            let wanted = at < pattern.count ? pattern[at] : 0
            if wanted == UInt8(ascii: "*"), at < pattern.count {
                at += 1
                if at == pattern.count { return true }
                (star, resumed) = (at, place)
            } else if at < pattern.count, wanted == name[place] || wanted == UInt8(ascii: "?") {
                at += 1
                place += 1
            } else if star >= 0 {
                // What stands behind the star must begin somewhere.
                resumed += 1
                if pattern[star] != UInt8(ascii: "?") {
                    let first = pattern[star]
                    while resumed < name.count, name[resumed] != first { resumed += 1 }
                }
                (at, place) = (star, resumed)
            } else {
                return false
            }
        }
        while at < pattern.count, pattern[at] == UInt8(ascii: "*") { at += 1 }
        return at == pattern.count
    }

    /// Whether it fits one name alone, the one that is written so.
    package var isExact: Bool { !pattern.contains { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") } }

    /// What must fit behind `prefix`; nil where the pattern does not begin with exactly that.
    package func rest(behind prefix: [UInt8]) -> NamePattern? {
        guard pattern.starts(with: prefix) else { return nil }
        return NamePattern(pattern: Array(pattern.dropFirst(prefix.count)))
    }

    /// Whether it fits any name that begins with `prefix`.
    package func canBegin(with prefix: [UInt8]) -> Bool {
        // The places of the pattern where reading may stand.
        var places = skippingStars([0])
        for byte in prefix {
            var next: Set<Int> = []
            for place in places where place < pattern.count {
                if pattern[place] == UInt8(ascii: "*") {
                    next.insert(place)
                } else if pattern[place] == UInt8(ascii: "?") || pattern[place] == byte {
                    next.insert(place + 1)
                }
            }
            places = skippingStars(next)
        }
        return !places.isEmpty
    }

    private func skippingStars(_ places: Set<Int>) -> Set<Int> {
        var found = places
        for place in places {
            var end = place
            while end < pattern.count, pattern[end] == UInt8(ascii: "*") {
                end += 1
                found.insert(end)
            }
        }
        return found
    }
}
