/// Edits of a document, applied together; every byte that no edit names stays as it came.
package struct JSONPatch: Sendable {
    private struct Edit {
        var range: Range<Int>
        var replacement: [UInt8]
    }

    private let document: JSONDocument
    private var edits: [Edit] = []
    /// Objects that got members appended, so that a second one knows it needs a comma.
    private var grown: Set<Int> = []

    package init(_ document: JSONDocument) {
        self.document = document
    }

    /// Puts `text`, which must be JSON, in the place of `node`.
    package mutating func replace(_ node: JSONNode, with text: [UInt8]) {
        edits.append(Edit(range: node.range, replacement: text))
    }

    /// Sets a member of `object` to `text`, which must be JSON: replaces the value, or appends the member.
    package mutating func set(_ key: StaticString, to text: [UInt8], in object: JSONNode) {
        if let value = object[key] {
            replace(value, with: text)
            return
        }
        let end = object.range.upperBound - 1
        var member: [UInt8] = []
        let isFirst = object.count == 0 && !grown.contains(end)
        if !isFirst { member.append(UInt8(ascii: ",")) }
        JSONText.appendQuoted(key.description, to: &member)
        member.append(UInt8(ascii: ":"))
        member.append(contentsOf: text)
        grown.insert(end)
        edits.append(Edit(range: end..<end, replacement: member))
    }

    /// Removes a member of `object`, with the comma that belonged to it. At most one removal per object and patch
    /// where neighbours are removed together; nothing happens when there is no such member.
    package mutating func remove(_ key: StaticString, from object: JSONNode) {
        let members = Array(object.members)
        guard let position = members.firstIndex(where: { $0.key.equals(key) }) else { return }
        var range = members[position].key.range.lowerBound..<members[position].value.range.upperBound
        if position + 1 < members.count {
            range = range.lowerBound..<members[position + 1].key.range.lowerBound
        } else if position > 0 {
            range = members[position - 1].value.range.upperBound..<range.upperBound
        }
        edits.append(Edit(range: range, replacement: []))
    }

    /// The edited text. Edits that fall inside a replaced value are dropped with it.
    package func applied() -> [UInt8] {
        let source = document.bytes
        // Stable: members appended to one object keep the order in which they were set.
        let ordered = edits.enumerated().sorted {
            ($0.element.range.lowerBound, $0.offset) < ($1.element.range.lowerBound, $1.offset)
        }
        var text: [UInt8] = []
        text.reserveCapacity(ordered.reduce(source.count) { $0 + $1.element.replacement.count })
        var position = 0
        for (_, edit) in ordered where edit.range.lowerBound >= position {
            text.append(contentsOf: source[position..<edit.range.lowerBound])
            text.append(contentsOf: edit.replacement)
            position = edit.range.upperBound
        }
        text.append(contentsOf: source[position...])
        return text
    }
}
