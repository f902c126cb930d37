/// What tracing systems say of a trace besides its place (W3C Trace Context §3.3, `tracestate`). We hand it on and add nothing.
package struct TraceState: Sendable, Hashable {
    private static let maximumMembers = 32
    /// What must be handed on; of a longer one whole members are left out (§3.3.1.5).
    private static let maximumLength = 512
    /// Members longer than this go first.
    private static let longMember = 128

    /// The header's value, at most 512 characters.
    package let text: String

    /// Reads all values of `tracestate` as one list; nil where it is malformed, has too many members or none. The trace goes on
    /// without it.
    package init?(_ values: [String]) {
        var members: [Substring.UTF8View] = []
        for value in values {
            for part in value.utf8.split(separator: UInt8(ascii: ",")) {
                let member = Self.trimmed(part)
                // Empty members are allowed (§3.3.1.1).
                guard !member.isEmpty else { continue }
                guard members.count < Self.maximumMembers, Self.isMember(member) else { return nil }
                members.append(member)
            }
        }
        func length() -> Int { members.reduce(members.count - 1) { $0 + $1.count } }
        while length() > Self.maximumLength {
            members.remove(at: members.lastIndex { $0.count > Self.longMember } ?? members.count - 1)
        }
        guard !members.isEmpty else { return nil }
        text = members.map { String(Substring($0)) }.joined(separator: ",")
    }

    private static func trimmed(_ part: Substring.UTF8View) -> Substring.UTF8View {
        var part = part
        while let first = part.first, first == 0x20 || first == 0x09 { part.removeFirst() }
        while let last = part.last, last == 0x20 || last == 0x09 { part.removeLast() }
        return part
    }

    /// `key=value`, §3.3.1.3; the key as of level 2 of the specification, which takes those of level 1 as well.
    private static func isMember(_ member: Substring.UTF8View) -> Bool {
        guard let separator = member.firstIndex(of: UInt8(ascii: "=")) else { return false }
        let (key, value) = (member[..<separator], member[member.index(after: separator)...])
        guard let first = key.first, isLetterOrDigit(first), key.count <= 256, !value.isEmpty, value.count <= 256 else {
            return false
        }
        return key.allSatisfy { isLetterOrDigit($0) || "_-*/@".utf8.contains($0) }
            && value.allSatisfy { (0x20...0x7E).contains($0) && $0 != UInt8(ascii: "=") }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte)
    }
}
