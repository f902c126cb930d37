/// Edits of a document, applied together; every byte that no edit names stays as it came.
///
/// Edits describe the result, so their order matters only where they name the same thing: then the last one counts.
/// An edit inside a value that is itself replaced or removed goes with it.
package struct JSONPatch: Sendable {
    private struct Edit {
        var range: Range<Int>
        var text: [UInt8]
    }

    /// What changes about the members of one object.
    private struct ObjectEdit {
        let object: JSONNode
        /// Positions of members that go.
        var removed: Set<Int> = []
        var appended: [(key: StaticString, text: [UInt8])] = []
    }

    private let document: JSONDocument
    private var replacements: [Edit] = []
    private var objects: [ObjectEdit] = []

    package init(_ document: JSONDocument) {
        self.document = document
    }

    /// Puts `text`, which must be JSON, in the place of `node`.
    package mutating func replace(_ node: JSONNode, with text: [UInt8]) {
        replacements.append(Edit(range: node.range, text: text))
    }

    /// Sets a member of `object` to `text`, which must be JSON: replaces the value, or appends the member.
    package mutating func set(_ key: StaticString, to text: [UInt8], in object: JSONNode) {
        if let value = object[key] {
            replace(value, with: text)
            guard let slot = slot(of: object), let position = position(of: key, in: object) else { return }
            objects[slot].removed.remove(position)
            return
        }
        let slot = slot(of: object) ?? makeSlot(for: object)
        if let position = objects[slot].appended.firstIndex(where: { Self.same($0.key, key) }) {
            objects[slot].appended[position].text = text
        } else {
            objects[slot].appended.append((key, text))
        }
    }

    /// Removes a member of `object` with the comma that belonged to it; nothing happens where there is none.
    package mutating func remove(_ key: StaticString, from object: JSONNode) {
        if let position = position(of: key, in: object) {
            objects[slot(of: object) ?? makeSlot(for: object)].removed.insert(position)
        } else if let slot = slot(of: object) {
            objects[slot].appended.removeAll { Self.same($0.key, key) }
        }
    }

    /// The edited text.
    package func applied() -> [UInt8] {
        let source = document.bytes
        var edits = replacements
        for object in objects { Self.append(object, to: &edits) }
        // Stable, so that the last of several replacements of one value can be told.
        let order = edits.indices.sorted { (edits[$0].range.lowerBound, $0) < (edits[$1].range.lowerBound, $1) }
        var text: [UInt8] = []
        text.reserveCapacity(edits.reduce(source.count) { $0 + $1.text.count })
        var position = 0
        for (place, index) in order.enumerated() {
            let edit = edits[index]
            let isReplacedAgain = place + 1 < order.count && edits[order[place + 1]].range == edit.range
            guard edit.range.lowerBound >= position, !isReplacedAgain else { continue }
            text.append(contentsOf: source[position..<edit.range.lowerBound])
            text.append(contentsOf: edit.text)
            position = edit.range.upperBound
        }
        text.append(contentsOf: source[position...])
        return text
    }

    // MARK: Members

    private func slot(of object: JSONNode) -> Int? {
        objects.firstIndex { $0.object.index == object.index }
    }

    private mutating func makeSlot(for object: JSONNode) -> Int {
        objects.append(ObjectEdit(object: object))
        return objects.count - 1
    }

    private func position(of key: StaticString, in object: JSONNode) -> Int? {
        for (position, member) in object.members.enumerated() where member.key.equals(key) { return position }
        return nil
    }

    private static func same(_ one: StaticString, _ other: StaticString) -> Bool {
        one.description.utf8.elementsEqual(other.description.utf8)
    }

    private static func append(_ edit: ObjectEdit, to edits: inout [Edit]) {
        let kept = edit.object.count - edit.removed.count
        if !edit.removed.isEmpty { appendRemovals(edit, to: &edits) }
        guard !edit.appended.isEmpty else { return }
        let end = edit.object.range.upperBound - 1
        var text: [UInt8] = []
        for (position, member) in edit.appended.enumerated() {
            if kept > 0 || position > 0 { text.append(UInt8(ascii: ",")) }
            JSONText.appendQuoted(member.key.description, to: &text)
            text.append(UInt8(ascii: ":"))
            text.append(contentsOf: member.text)
        }
        edits.append(Edit(range: end..<end, text: text))
    }

    /// Each run of neighbours goes with the comma before it, or, where nothing stays before it, the one after it.
    private static func appendRemovals(_ edit: ObjectEdit, to edits: inout [Edit]) {
        var lastKept: Int?
        var runStart: Int?
        var runEnd = 0
        for (position, member) in edit.object.members.enumerated() {
            if edit.removed.contains(position) {
                runStart = runStart ?? lastKept ?? member.key.range.lowerBound
                runEnd = member.value.range.upperBound
                continue
            }
            if let start = runStart {
                let end = lastKept == nil ? member.key.range.lowerBound : runEnd
                edits.append(Edit(range: start..<end, text: []))
                runStart = nil
            }
            lastKept = member.value.range.upperBound
        }
        if let start = runStart { edits.append(Edit(range: start..<runEnd, text: [])) }
    }
}
