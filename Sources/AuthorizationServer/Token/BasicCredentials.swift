import Crypto
import HTTP
import OAuth

/// `Authorization: Basic` with a client's identifier and secret, each form-encoded (RFC 6749 §2.3.1).
struct BasicCredentials {
    let client: ClientID
    let secret: String

    /// Finds them in a request; `nil` when there is no such header. A header of ours that cannot be read is
    /// `invalid_client`, never "no credentials".
    static func find(in fields: HTTPFields) throws(OAuthError) -> BasicCredentials? {
        let values = fields.values("authorization")
        guard values.count <= 1 else { throw OAuthError(.invalidRequest, "Authorization is there more than once") }
        guard let value = values.first else { return nil }
        let parts = value.split(separator: " ", maxSplits: 1)
        guard let scheme = parts.first, scheme.lowercased() == "basic" else { throw unreadable }
        guard parts.count == 2, let bytes = Base64.decode(String(parts[1])),
            let colon = bytes.firstIndex(of: UInt8(ascii: ":")),
            let client = decoded(bytes[..<colon]), let secret = decoded(bytes[(colon + 1)...])
        else { throw unreadable }
        return BasicCredentials(client: ClientID(client), secret: secret)
    }

    private static let unreadable = OAuthError(.invalidClient, "the client's credentials cannot be read")

    // Both halves are form-encoded before they are joined: the same decoding as of any form.
    private static func decoded(_ bytes: ArraySlice<UInt8>) -> String? {
        guard !bytes.contains(where: { $0 == UInt8(ascii: "&") || $0 == UInt8(ascii: "=") }) else {
            return String(validating: bytes, as: UTF8.self)
        }
        let form = try? FormParameters(parsing: Array("v=".utf8) + bytes)  // unreadable means no credentials
        return form?.values("v").first
    }
}
