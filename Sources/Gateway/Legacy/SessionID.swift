import Crypto

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

    /// For the header.
    var text: String { String(decoding: bytes, as: UTF8.self) }
}
