/// One reply of Redis (RESP2).
enum RESPValue: Sendable, Hashable {
    /// Nothing there.
    case null
    /// A number.
    case integer(Int64)
    /// A string, or a status line like `OK`.
    case bytes([UInt8])
    /// Several replies.
    case array([RESPValue])
    /// `CODE explanation`; the text may quote what we sent, so it goes to our log only.
    case error(String)

    /// The string as text, when it is one.
    var text: String? {
        guard case .bytes(let bytes) = self else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }

    /// The elements, when it is an array.
    var elements: [RESPValue]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }
}
