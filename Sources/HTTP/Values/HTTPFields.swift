/// Header fields in order, RFC 9110 §5.
///
/// A name that is no token, or a value with CR, LF, NUL or another control character, cannot be stored: ``append(_:_:)``
/// leaves it out and sets ``hasRefusedField``. The server never sends a head of which a field was refused, because a
/// missing security header would not be noticed; it answers 500 instead (H12).
///
/// All text lies in one buffer: a received head costs two allocations, and a `String` is made only for what is read.
package struct HTTPFields: Sendable {
    struct Entry: Sendable {
        var start: Int
        var nameCount: Int
        var valueCount: Int
        var nameRange: Range<Int> { start..<(start + nameCount) }
        var valueRange: Range<Int> { (start + nameCount)..<(start + nameCount + valueCount) }
    }

    private(set) var text: [UInt8] = []
    private(set) var entries: [Entry] = []
    /// Whether a field could not be stored.
    package private(set) var hasRefusedField = false

    /// No fields.
    package init() {}

    /// Fields that the parser has checked, in the text of their head.
    init(validated text: [UInt8], entries: [Entry]) {
        self.text = text
        self.entries = entries
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
        entries.append(Entry(start: text.count, nameCount: name.count, valueCount: value.count))
        for index in name.indices { text.append(name[index]) }
        for index in value.indices { text.append(value[index]) }
    }

    /// Removes all fields of this name, then adds one.
    package mutating func replace(_ name: HTTPFieldName, _ value: String) {
        remove(name)
        append(name, value)
    }

    /// Removes all fields of this name.
    package mutating func remove(_ name: HTTPFieldName) {
        entries = entries.filter { !matches($0, name) }
    }

    /// Removes all fields whose lower-case name satisfies `predicate`.
    package mutating func removeAll(where predicate: (String) -> Bool) {
        entries = entries.filter { !predicate(self.name(of: $0)) }
    }

    mutating func removeEntries(where predicate: (Entry) -> Bool) {
        entries.removeAll(where: predicate)
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
