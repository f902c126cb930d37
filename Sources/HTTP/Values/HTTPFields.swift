/// Header fields in order, RFC 9110 §5.
///
/// A name that is no token, or a value with CR, LF, NUL or another control character, cannot be stored: ``append(_:_:)``
/// leaves it out and sets ``hasRefusedField``. The server never sends a head of which a field was refused, because a
/// missing security header would not be noticed; it answers 500 instead (H12).
///
/// All text lies in one buffer: a received head costs two allocations, and a `String` is made only for what is read.
package struct HTTPFields: Sendable {
    /// Where a field stands in ``text``. Heads are far shorter than four gigabytes.
    struct Entry: Sendable {
        private let nameStart: UInt32
        private let nameEnd: UInt32
        private let valueStart: UInt32
        private let valueEnd: UInt32

        init(name: Range<Int>, value: Range<Int>) {
            nameStart = UInt32(truncatingIfNeeded: name.lowerBound)
            nameEnd = UInt32(truncatingIfNeeded: name.upperBound)
            valueStart = UInt32(truncatingIfNeeded: value.lowerBound)
            valueEnd = UInt32(truncatingIfNeeded: value.upperBound)
        }

        var start: Int { Int(nameStart) }
        var nameCount: Int { Int(nameEnd &- nameStart) }
        var valueCount: Int { Int(valueEnd &- valueStart) }
        var nameRange: Range<Int> { Int(nameStart)..<Int(nameEnd) }
        var valueRange: Range<Int> { Int(valueStart)..<Int(valueEnd) }
    }

    private(set) var text: [UInt8] = []
    private(set) var entries: [Entry] = []
    /// Whether ``text`` is what goes on the wire, `name: value` and a line end for each field: a head of ours is then
    /// written in one piece.
    private(set) var isWireForm = true
    /// Whether a field could not be stored.
    package private(set) var hasRefusedField = false

    /// No fields.
    package init() {}

    /// Fields that the parser has checked, in the text of their head.
    init(validated text: [UInt8], entries: [Entry]) {
        self.text = text
        self.entries = entries
        isWireForm = false
    }

    /// The number of fields.
    package var count: Int { entries.count }
    /// Whether there is none.
    package var isEmpty: Bool { entries.isEmpty }

    /// Adds a field behind those that are there.
    package mutating func append(_ name: HTTPFieldName, _ value: String) {
        let isStored = name.withBytes { name in
            guard !name.isEmpty, name.indices.allSatisfy({ ByteClass.isToken(name[$0]) }),
                value.utf8.allSatisfy(ByteClass.isFieldContent)
            else { return false }
            appendValidated(name: name, value: value.utf8.span)
            return true
        }
        if !isStored { hasRefusedField = true }
    }

    /// Adds a field whose bytes were checked.
    mutating func appendValidated(name: Span<UInt8>, value: Span<UInt8>) {
        let start = text.count
        let valueStart = start + name.count + 2
        entries.append(Entry(name: start..<(start + name.count), value: valueStart..<(valueStart + value.count)))
        for index in name.indices { text.append(name[index]) }
        text.append(UInt8(ascii: ":"))
        text.append(UInt8(ascii: " "))
        for index in value.indices { text.append(value[index]) }
        text.append(13)
        text.append(10)
    }

    /// Removes all fields of this name, then adds one.
    package mutating func replace(_ name: HTTPFieldName, _ value: String) {
        remove(name)
        append(name, value)
    }

    /// Puts a checked value in the place of the first one of this name, which must be as long.
    mutating func replaceValue(of name: HTTPFieldName, with value: ArraySlice<UInt8>) {
        guard let index = firstIndex(of: name), entries[index].valueCount == value.count else { return }
        text.replaceSubrange(entries[index].valueRange, with: value)
    }

    /// Removes all fields of this name.
    package mutating func remove(_ name: HTTPFieldName) {
        keep(entries.filter { !matches($0, name) })
    }

    /// Removes all fields whose lower-case name satisfies `predicate`.
    package mutating func removeAll(where predicate: (String) -> Bool) {
        keep(entries.filter { !predicate(self.name(of: $0)) })
    }

    mutating func removeEntries(where predicate: (Entry) -> Bool) {
        keep(entries.filter { !predicate($0) })
    }

    private mutating func keep(_ kept: [Entry]) {
        if kept.count == entries.count { return }
        entries = kept
        isWireForm = false
    }

    /// The first value of this name.
    package subscript(name: HTTPFieldName) -> String? {
        firstIndex(of: name).map { value(of: entries[$0]) }
    }

    /// All values of this name, in order, none of them split at commas.
    package func values(_ name: HTTPFieldName) -> [String] {
        entries.filter { matches($0, name) }.map { value(of: $0) }
    }

    /// How many fields have this name; makes no strings.
    package func count(of name: HTTPFieldName) -> Int {
        entries.reduce(0) { $0 + (matches($1, name) ? 1 : 0) }
    }

    /// Whether there is a field of this name; makes no strings.
    package func contains(_ name: HTTPFieldName) -> Bool {
        firstIndex(of: name) != nil
    }

    /// The bytes of the first value of this name; makes no string.
    package func bytes(_ name: HTTPFieldName) -> ArraySlice<UInt8>? {
        firstIndex(of: name).map { text[entries[$0].valueRange] }
    }

    /// The members of a comma-separated list over all fields of this name, without blanks, empty members left out.
    package func list(_ name: HTTPFieldName) -> [String] {
        entries.filter { matches($0, name) }.flatMap { entry in
            text[entry.valueRange].split(separator: UInt8(ascii: ",")).compactMap { part in
                let member = ByteClass.trimmed(part)
                return member.isEmpty ? nil : String(decoding: member, as: UTF8.self)
            }
        }
    }

    private func firstIndex(of name: HTTPFieldName) -> Int? {
        name.withBytes { wanted in
            for index in entries.indices where matches(entries[index], wanted) { return index }
            return nil
        }
    }

    func matches(_ entry: Entry, _ name: HTTPFieldName) -> Bool {
        name.withBytes { matches(entry, $0) }
    }

    private func matches(_ entry: Entry, _ name: Span<UInt8>) -> Bool {
        guard entry.nameCount == name.count else { return false }
        for offset in 0..<name.count {
            guard ByteClass.lowercased(text[entry.start &+ offset]) == ByteClass.lowercased(name[offset]) else {
                return false
            }
        }
        return true
    }

    fileprivate func name(of entry: Entry) -> String {
        String(decoding: text[entry.nameRange].map(ByteClass.lowercased), as: UTF8.self)
    }

    fileprivate func value(of entry: Entry) -> String {
        String(decoding: text[entry.valueRange], as: UTF8.self)
    }
}

extension HTTPFields: ExpressibleByDictionaryLiteral {
    /// The fields in the order of the literal.
    package init(dictionaryLiteral elements: (HTTPFieldName, String)...) {
        for (name, value) in elements { append(name, value) }
    }
}

extension HTTPFields: Sequence {
    /// The fields in order, names in lower case.
    package func makeIterator() -> some IteratorProtocol<(name: String, value: String)> {
        entries.lazy.map { (name: self.name(of: $0), value: self.value(of: $0)) }.makeIterator()
    }
}

extension HTTPFields: Equatable {
    /// The same names and values in the same order.
    package static func == (left: HTTPFields, right: HTTPFields) -> Bool {
        left.count == right.count
            && zip(left.entries, right.entries).allSatisfy { one, other in
                left.text[one.valueRange] == right.text[other.valueRange]
                    && ByteClass.equalIgnoringCase(left.text[one.nameRange], right.text[other.nameRange])
            }
    }
}
