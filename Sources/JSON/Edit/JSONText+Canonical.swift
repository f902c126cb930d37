extension JSONText {
    /// The text of `node` in a form that two texts share when they differ in nothing but white space, the order of members and
    /// how characters are escaped. Numbers stay as they were written: `1` and `1.0` are two things to some readers.
    package static func canonical(_ node: JSONNode) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(node.bytes.count)
        appendCanonical(node, to: &text)
        return text
    }

    // As deep as the document is, which its limits bound.
    private static func appendCanonical(_ node: JSONNode, to text: inout [UInt8]) {
        switch node.kind {
        case .number, .boolean, .null: text += node.bytes
        case .string: appendQuoted(node.string ?? "", to: &text)
        case .array:
            text.append(UInt8(ascii: "["))
            for (position, element) in node.elements.enumerated() {
                if position > 0 { text.append(UInt8(ascii: ",")) }
                appendCanonical(element, to: &text)
            }
            text.append(UInt8(ascii: "]"))
        case .object:
            let members = node.members.map { (key: $0.key.stringBytes ?? [], value: $0.value) }
                .sorted { $0.key.lexicographicallyPrecedes($1.key) }
            text.append(UInt8(ascii: "{"))
            for (position, member) in members.enumerated() {
                if position > 0 { text.append(UInt8(ascii: ",")) }
                appendQuoted(String(decoding: member.key, as: UTF8.self), to: &text)
                text.append(UInt8(ascii: ":"))
                appendCanonical(member.value, to: &text)
            }
            text.append(UInt8(ascii: "}"))
        }
    }
}
