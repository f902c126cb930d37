/// Finds a key that stands twice in one object. Parsers disagree about which of the two counts, so none does (T07).
enum DuplicateKeys {
    /// Up to here comparing every pair is cheaper than hashing.
    private static let pairwiseLimit = 16

    /// Byte offset of the first repeated key of the object at tape index `container`, or nil.
    static func first(in container: Int, tape: [TapeEntry], text: Span<UInt8>) -> Int? {
        let count = Int(tape[container].count)
        if count <= pairwiseLimit { return pairwise(container, tape, text) }
        // Swift seeds its hashes anew in every process, so keys cannot be chosen to collide.
        var seen = Set<[UInt8]>(minimumCapacity: count)
        var index = container &+ 1
        while index < tape.count {
            let key = tape[index]
            guard seen.insert(decoded(key, text)).inserted else { return Int(key.start) }
            index = Int(tape[index &+ 1].next)
        }
        return nil
    }

    private static func pairwise(_ container: Int, _ tape: [TapeEntry], _ text: Span<UInt8>) -> Int? {
        var later = Int(tape[container &+ 2].next)
        while later < tape.count {
            var earlier = container &+ 1
            while earlier < later {
                if equal(tape[earlier], tape[later], text) { return Int(tape[later].start) }
                earlier = Int(tape[earlier &+ 1].next)
            }
            later = Int(tape[later &+ 1].next)
        }
        return nil
    }

    private static func equal(_ one: TapeEntry, _ other: TapeEntry, _ text: Span<UInt8>) -> Bool {
        if one.kind == .escapedString || other.kind == .escapedString {
            return decoded(one, text) == decoded(other, text)
        }
        let length = one.end &- one.start
        guard length == other.end &- other.start else { return false }
        for offset in 0..<Int(length) where text[Int(one.start) &+ offset] != text[Int(other.start) &+ offset] {
            return false
        }
        return true
    }

    private static func decoded(_ key: TapeEntry, _ text: Span<UInt8>) -> [UInt8] {
        StringDecoding.decode(Int(key.start)..<Int(key.end), in: text)
    }
}
