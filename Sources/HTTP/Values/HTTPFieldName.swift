/// The name of a header field: compared without regard to case, RFC 9110 §5.1.
///
/// Nearly all names are literals of ours and cost nothing: `fields["content-type"]`. A name from a peer or a file goes
/// through ``init(validating:)``.
package struct HTTPFieldName: Sendable, ExpressibleByStringLiteral {
    private enum Text: Sendable {
        case literal(StaticString)
        case bytes([UInt8])
    }
    private let text: Text

    /// A name of ours; when it is no token, no field can be stored under it.
    package init(stringLiteral value: StaticString) {
        text = .literal(value)
    }

    /// Nil unless `name` is a token, RFC 9110 §5.6.2.
    package init?(validating name: String) {
        let bytes = Array(name.utf8)
        guard !bytes.isEmpty, bytes.allSatisfy(ByteClass.isToken) else { return nil }
        text = .bytes(bytes)
    }

    /// Calls `body` with the bytes of the name.
    func withBytes<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        switch text {
        case .literal(let literal):
            // Works for literals of one scalar too, which have no pointer of their own.
            return literal.withUTF8Buffer { unsafe body($0.span) }
        case .bytes(let bytes):
            return body(bytes.span)
        }
    }
}

extension HTTPFieldName: Hashable, CustomStringConvertible {
    /// Without regard to case.
    package static func == (left: HTTPFieldName, right: HTTPFieldName) -> Bool {
        left.description == right.description
    }

    /// Of the lower-case name.
    package func hash(into hasher: inout Hasher) {
        hasher.combine(description)
    }

    /// In lower case.
    package var description: String {
        withBytes { name in
            String(decoding: name.indices.map { ByteClass.lowercased(name[$0]) }, as: UTF8.self)
        }
    }
}
