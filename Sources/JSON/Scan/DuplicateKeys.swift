/// Finds a key that stands twice in one object. Parsers disagree about which of the two counts, so none does (T07).
enum DuplicateKeys {
    /// Up to these, comparing every pair is cheaper than hashing; past them it could be made quadratic.
    private static let pairwiseMembers = 16
    private static let pairwiseBytes = 4096

    /// Byte offset of a repeated key of the object at tape index `container`, or nil.
    static func first(in container: Int, tape: [TapeEntry], text: Span<UInt8>) -> Int? {
        let object = tape[container]
        if object.count <= pairwiseMembers, object.end &- object.start <= pairwiseBytes {
            return pairwise(container, tape, text)
        }
        return hashed(container, tape, text)
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

    /// A key that was seen: where it stands on the tape and the upper half of its hash. Index 0 is the outermost
    /// value and never a key, so it means an empty slot.
    private struct Slot {
        var index: UInt32 = 0
        var tag: UInt32 = 0
    }

    /// Open addressing, at most half full. Swift seeds its hashes anew in every process, so that nobody can choose
    /// keys that collide; texts are compared only where 32 further bits of the hash agree.
    private static func hashed(_ container: Int, _ tape: [TapeEntry], _ text: Span<UInt8>) -> Int? {
        var capacity = 32
        while capacity < Int(tape[container].count) &* 2 { capacity &*= 2 }
        var slots = [Slot](repeating: Slot(), count: capacity)
        var index = container &+ 1
        while index < tape.count {
            let key = tape[index]
            let hash = hash(key, text)
            let tag = UInt32(truncatingIfNeeded: hash >> 32)
            var position = Int(truncatingIfNeeded: hash) & (capacity &- 1)
            while slots[position].index != 0 {
                let seen = slots[position]
                if seen.tag == tag, equal(tape[Int(seen.index)], key, text) { return Int(key.start) }
                position = (position &+ 1) & (capacity &- 1)
            }
            slots[position] = Slot(index: UInt32(truncatingIfNeeded: index), tag: tag)
            index = Int(tape[index &+ 1].next)
        }
        return nil
    }

    private static func hash(_ key: TapeEntry, _ text: Span<UInt8>) -> UInt64 {
        var hasher = Hasher()
        if key.kind == .escapedString {
            unsafe decoded(key, text).withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        } else {
            let content = text.extracting(Int(key.start &+ 1)..<Int(key.end &- 1))
            unsafe content.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        }
        return UInt64(truncatingIfNeeded: hasher.finalize())
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
