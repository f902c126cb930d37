/// A JSON value of our own making: documents that this program writes, and small ones that it reads whole.
/// What is merely forwarded stays a `JSONDocument`.
package indirect enum JSONValue: Sendable, Hashable {
    /// One member of an object; objects keep the order in which they were built.
    package struct Member: Sendable, Hashable {
        package var key: String
        package var value: JSONValue

        package init(_ key: String, _ value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    case null
    case boolean(Bool)
    case integer(Int64)
    /// A number kept as it was written: `1.0`, `1e400`, 2⁵³+1.
    case number(text: String)
    case string(String)
    case array([JSONValue])
    case object([Member])
}

extension JSONValue {
    /// Copies a node and everything in it. Depth is bounded by the limits that the document was scanned with.
    package init(_ node: JSONNode) {
        switch node.kind {
        case .null: self = .null
        case .boolean: self = .boolean(node.boolean == true)
        case .number:
            if let integer = node.integer, Array(String(integer).utf8) == Array(node.bytes) {
                self = .integer(integer)
            } else {
                self = .number(text: String(decoding: node.bytes, as: UTF8.self))
            }
        case .string: self = .string(node.string ?? "")
        case .array: self = .array(node.elements.map { JSONValue($0) })
        case .object: self = .object(node.members.map { Member($0.key.string ?? "", JSONValue($0.value)) })
        }
    }

    /// The text, without white space.
    package func serialized() -> [UInt8] {
        var text: [UInt8] = []
        append(to: &text)
        return text
    }

    /// Appends the text, without white space.
    package func append(to text: inout [UInt8]) {
        switch self {
        case .null: text.append(contentsOf: "null".utf8)
        case .boolean(let value): text.append(contentsOf: (value ? "true" : "false").utf8)
        case .integer(let value): text.append(contentsOf: String(value).utf8)
        case .number(let value): text.append(contentsOf: value.utf8)
        case .string(let value): JSONText.appendQuoted(value, to: &text)
        case .array(let elements):
            text.append(UInt8(ascii: "["))
            for (position, element) in elements.enumerated() {
                if position > 0 { text.append(UInt8(ascii: ",")) }
                element.append(to: &text)
            }
            text.append(UInt8(ascii: "]"))
        case .object(let members):
            text.append(UInt8(ascii: "{"))
            for (position, member) in members.enumerated() {
                if position > 0 { text.append(UInt8(ascii: ",")) }
                JSONText.appendQuoted(member.key, to: &text)
                text.append(UInt8(ascii: ":"))
                member.value.append(to: &text)
            }
            text.append(UInt8(ascii: "}"))
        }
    }

    /// A member of an object.
    package subscript(key: String) -> JSONValue? {
        get {
            guard case .object(let members) = self else { return nil }
            return members.first { $0.key.utf8.elementsEqual(key.utf8) }?.value
        }
        set {
            guard case .object(var members) = self else { return }
            let position = members.firstIndex { $0.key.utf8.elementsEqual(key.utf8) }
            switch (position, newValue) {
            case (let position?, let value?): members[position].value = value
            case (let position?, nil): members.remove(at: position)
            case (nil, let value?): members.append(Member(key, value))
            case (nil, nil): return
            }
            self = .object(members)
        }
    }

    /// The characters of a string.
    package var string: String? {
        if case .string(let value) = self { value } else { nil }
    }

    /// The value of an integer.
    package var integer: Int64? {
        if case .integer(let value) = self { value } else { nil }
    }

    /// The value of a boolean.
    package var boolean: Bool? {
        if case .boolean(let value) = self { value } else { nil }
    }

    /// The elements of an array.
    package var array: [JSONValue]? {
        if case .array(let value) = self { value } else { nil }
    }
}

extension JSONValue: ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral, ExpressibleByStringLiteral,
    ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral, ExpressibleByNilLiteral
{
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(elements.map { Member($0.0, $0.1) })
    }

    package init(arrayLiteral elements: JSONValue...) {
        self = .array(elements)
    }

    package init(stringLiteral value: String) {
        self = .string(value)
    }

    package init(integerLiteral value: Int64) {
        self = .integer(value)
    }

    package init(booleanLiteral value: Bool) {
        self = .boolean(value)
    }

    package init(nilLiteral: ()) {
        self = .null
    }
}
