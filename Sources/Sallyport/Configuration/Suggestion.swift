/// Finds what somebody who mistyped a word probably meant.
enum Suggestion {
    /// The nearest of `candidates`, when it is near enough to be worth naming.
    static func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
        let folded = normalized(word)
        var best: (distance: Int, word: String)?
        for candidate in candidates {
            let distance = editDistance(folded, normalized(candidate))
            if distance < best?.distance ?? .max { best = (distance, candidate) }
        }
        guard let best, best.distance <= max(1, min(3, folded.count / 3)) else { return nil }
        return best.word
    }

    /// Case and the choice between `_`, `-` and nothing are the commonest mistakes and cost nothing here.
    private static func normalized(_ word: String) -> [UInt8] {
        word.prefix(64).lowercased().utf8.filter { $0 != UInt8(ascii: "_") && $0 != UInt8(ascii: "-") }
    }

    private static func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var previous = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var current = [i + 1]
            for (j, y) in b.enumerated() {
                current.append(min(previous[j] + (x == y ? 0 : 1), previous[j + 1] + 1, current[j] + 1))
            }
            previous = current
        }
        return previous[b.count]
    }
}
