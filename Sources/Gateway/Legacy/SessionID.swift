import Crypto
import HTTP

/// `Mcp-Session-Id`: 256 random bits in base64url (M02). Compared as bytes; it finds a session and proves nothing.
struct SessionID: Sendable, Hashable {
    let bytes: [UInt8]

    /// A new one.
    init() {
        bytes = Array(Random.token("").utf8)
    }

    /// What a client sent.
    init(_ received: ArraySlice<UInt8>) {
        bytes = Array(received)
    }

    /// What a request says.
    enum Named {
        case none
        /// More than one.
        case unreadable
        case one(SessionID)
    }

    private final class Known: Sendable {
        let named: Named
        init(_ named: Named) { self.named = named }
    }

    /// The session that a request names; noted for requests with the same head.
    static func named(by request: HTTPRequest) -> Named {
        request.memory?.note { Known(read(request.fields)) }.named ?? read(request.fields)
    }

    private static func read(_ fields: HTTPFields) -> Named {
        guard let id = fields.bytes("mcp-session-id") else { return .none }
        return fields.count(of: "mcp-session-id") == 1 ? .one(SessionID(id)) : .unreadable
    }

    /// For the header.
    var text: String { String(decoding: bytes, as: UTF8.self) }
}
