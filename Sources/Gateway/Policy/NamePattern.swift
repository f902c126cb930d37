/// A name, or a pattern of names: `*` stands for any bytes, also none, `?` for one. Case counts, and names are compared as
/// bytes.
package struct NamePattern: Sendable, Hashable {
    private let pattern: [UInt8]

    package init(_ text: String) {
        pattern = Array(text.utf8)
    }

    /// The pattern that every name fits.
    package static let everything = NamePattern("*")

    /// Whether `name` fits. Costs at most the product of both lengths.
    package func matches(_ name: [UInt8]) -> Bool {
        var (at, place) = (0, 0)
        // Where to go on when what follows the last star does not fit.
        var star: (at: Int, place: Int)?
        while place < name.count {
            if at < pattern.count, pattern[at] == UInt8(ascii: "*") {
                star = (at + 1, place)
                at += 1
            } else if at < pattern.count, pattern[at] == UInt8(ascii: "?") || pattern[at] == name[place] {
                at += 1
                place += 1
            } else if let last = star {
                star = (last.at, last.place + 1)
                (at, place) = (last.at, last.place + 1)
            } else {
                return false
            }
        }
        return pattern[at...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
