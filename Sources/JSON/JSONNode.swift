/// One value inside a document: a view, as cheap as the document's reference.
package struct JSONNode: Sendable {
    /// RFC 8259 §3.
    package enum Kind: Sendable {
        case object, array, string, number, boolean, null
    }

    package let document: JSONDocument
    let index: Int

    var entry: TapeEntry { document.tape[index] }

    /// Where it stands in its document.
    package var place: JSONDocument.Place { JSONDocument.Place(index: index) }

    /// What the value is.
    package var kind: Kind {
        switch entry.kind {
        case .object: .object
        case .array: .array
        case .string, .escapedString: .string
        case .integer, .number: .number
        case .true, .false: .boolean
        case .null: .null
        }
    }

    /// Where the value's text stands in the document.
    package var range: Range<Int> { Int(entry.start)..<Int(entry.end) }

    /// The value's text as it came.
    package var bytes: ArraySlice<UInt8> { document.bytes[range] }

    /// Members of an object or elements of an array; 0 for the rest.
    package var count: Int { Int(entry.count) }

    package var isNull: Bool { entry.kind == .null }
    package var isObject: Bool { entry.kind == .object }
    package var isArray: Bool { entry.kind == .array }

    /// The value of a boolean.
    package var boolean: Bool? {
        switch entry.kind {
        case .true: true
        case .false: false
        default: nil
        }
    }

    /// The value of a number written as an integer (`-5`, not `1.0`, not `1e3`) that fits.
    package var integer: Int64? {
        let entry = entry
        guard entry.kind == .integer else { return nil }
        // The scanner has proven the text to be `-?[0-9]+`. Counted downwards, where there is room for one more.
        let text = document.bytes.span
        let isNegative = text[Int(entry.start)] == UInt8(ascii: "-")
        var value: Int64 = 0
        for position in (Int(entry.start) + (isNegative ? 1 : 0))..<Int(entry.end) {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (difference, carried) = product.subtractingReportingOverflow(Int64(text[position] &- UInt8(ascii: "0")))
            if overflow || carried { return nil }
            value = difference
        }
        if isNegative { return value }
        return value == .min ? nil : -value
    }

    /// The value of any finite number, rounded to the nearest double.
    package var number: Double? {
        guard kind == .number, let value = Double(String(decoding: bytes, as: UTF8.self)), value.isFinite else {
            return nil
        }
        return value
    }

    /// The characters of a string, escapes resolved.
    package var string: String? {
        switch entry.kind {
        case .string: String(decoding: document.bytes[(range.lowerBound + 1)..<(range.upperBound - 1)], as: UTF8.self)
        case .escapedString: String(decoding: decodedBytes, as: UTF8.self)
        default: nil
        }
    }

    /// The UTF-8 of a string, escapes resolved: what identifiers are compared by.
    package var stringBytes: [UInt8]? { kind == .string ? decodedBytes : nil }

    private var decodedBytes: [UInt8] { StringDecoding.decode(range, in: document.bytes.span) }

    /// Whether this is a string of exactly these bytes.
    package func equals(_ text: StaticString) -> Bool {
        // A literal's bytes live as long as the program.
        let wanted = unsafe Span(_unsafeStart: text.utf8Start, count: text.utf8CodeUnitCount)
        return document.string(at: index, equals: wanted)
    }
}

extension JSONDocument {
    // On the tape and not on nodes: a node costs a reference count, and a call looks up a dozen members.

    /// Whether the value at a tape index is a string of exactly these bytes.
    fileprivate func string(at index: Int, equals wanted: Span<UInt8>) -> Bool {
        let entry = tape[index]
        if entry.kind == .escapedString {
            let decoded = StringDecoding.decode(Int(entry.start)..<Int(entry.end), in: bytes.span)
            return decoded.count == wanted.count && Self.matches(wanted, decoded.span, at: 0)
        }
        guard entry.kind == .string, Int(entry.end &- entry.start) &- 2 == wanted.count else { return false }
        return Self.matches(wanted, bytes.span, at: Int(entry.start) &+ 1)
    }

    /// The tape index of a member's value.
    fileprivate func value(of key: Span<UInt8>, in container: Int) -> Int? {
        guard tape[container].kind == .object else { return nil }
        let end = Int(tape[container].next)
        var child = container &+ 1
        while child < end {
            if string(at: child, equals: key) { return child &+ 1 }
            child = Int(tape[child &+ 1].next)
        }
        return nil
    }

    fileprivate func hasOnlyPlainKeys(in container: Int) -> Bool {
        guard tape[container].kind == .object else { return true }
        let (text, end) = (bytes.span, Int(tape[container].next))
        var child = container &+ 1
        while child < end {
            let key = tape[child]
            guard key.kind == .string else { return false }
            for position in Int(key.start)..<Int(key.end) {
                let byte = text[position]
                if byte >= 0x80 || (byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")) { return false }
            }
            child = Int(tape[child &+ 1].next)
        }
        return true
    }

    private static func matches(_ wanted: Span<UInt8>, _ span: Span<UInt8>, at start: Int) -> Bool {
        for offset in 0..<wanted.count where span[start &+ offset] != wanted[offset] { return false }
        return true
    }
}

// MARK: - Members and elements

extension JSONNode {
    /// The value of an object's member; keys compare as decoded bytes, never as canonically equal text.
    package subscript(key: String) -> JSONNode? {
        document.value(of: key.utf8.span, in: index).map { JSONNode(document: document, index: $0) }
    }

    /// The same for a key that the program holds as `StaticString`. Literals take the other one, which allocates
    /// nothing either.
    @_disfavoredOverload
    package subscript(key: StaticString) -> JSONNode? {
        let wanted = unsafe Span(_unsafeStart: key.utf8Start, count: key.utf8CodeUnitCount)
        return document.value(of: wanted, in: index).map { JSONNode(document: document, index: $0) }
    }

    /// Whether an object has this member.
    package func contains(_ key: StaticString) -> Bool {
        let wanted = unsafe Span(_unsafeStart: key.utf8Start, count: key.utf8CodeUnitCount)
        return document.value(of: wanted, in: index) != nil
    }

    /// An array's element, counted from 0; nil past the end.
    package subscript(position: Int) -> JSONNode? {
        guard entry.kind == .array, position >= 0, position < count else { return nil }
        var child = index &+ 1
        for _ in 0..<position { child = Int(document.tape[child].next) }
        return JSONNode(document: document, index: child)
    }

    /// Whether an object has no key with a capital letter, an escape or anything beyond ASCII; true for everything else.
    package var hasOnlyPlainKeys: Bool { document.hasOnlyPlainKeys(in: index) }

    /// An object's members in the order written; empty for everything else.
    package var members: Members { Members(node: self) }

    /// An array's elements in the order written; empty for everything else.
    package var elements: Elements { Elements(node: self) }

    /// Walks an object.
    package struct Members: Sequence, IteratorProtocol {
        private let document: JSONDocument
        private var next_: Int
        private let end: Int

        init(node: JSONNode) {
            document = node.document
            next_ = node.index &+ 1
            end = node.entry.kind == .object ? Int(node.entry.next) : 0
        }

        /// The next member.
        package mutating func next() -> (key: JSONNode, value: JSONNode)? {
            guard next_ < end else { return nil }
            let key = JSONNode(document: document, index: next_)
            let value = JSONNode(document: document, index: next_ &+ 1)
            next_ = Int(value.entry.next)
            return (key, value)
        }
    }

    /// Walks an array.
    package struct Elements: Sequence, IteratorProtocol {
        private let document: JSONDocument
        private var next_: Int
        private let end: Int

        init(node: JSONNode) {
            document = node.document
            next_ = node.index &+ 1
            end = node.entry.kind == .array ? Int(node.entry.next) : 0
        }

        /// The next element.
        package mutating func next() -> JSONNode? {
            guard next_ < end else { return nil }
            let element = JSONNode(document: document, index: next_)
            next_ = Int(element.entry.next)
            return element
        }
    }
}
