import Crypto
import HTTP
import OAuth

/// `Authorization: Basic` with a client's identifier and secret, each form-encoded (RFC 6749 §2.3.1), or not.
struct BasicCredentials {
    /// An identifier that is no form-encoded text is what it is.
    let client: ClientID
    let secret: PresentedSecret

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
            let client = formDecoded(bytes[..<colon]) ?? String(validating: bytes[..<colon], as: UTF8.self),
            let secret = PresentedSecret(basic: bytes[(colon + 1)...])
        else { throw unreadable }
        return BasicCredentials(client: ClientID(client), secret: secret)
    }

    private static let unreadable = OAuthError(.invalidClient, "the client's credentials cannot be read")

    /// A half of the credentials, decoded like any form; nil where no encoder would have written it so.
    static func formDecoded(_ bytes: ArraySlice<UInt8>) -> String? {
        guard !bytes.contains(where: { $0 == UInt8(ascii: "&") || $0 == UInt8(ascii: "=") }) else { return nil }
        let form = try? FormParameters(parsing: Array("v=".utf8) + bytes)  // every reason means that it is not encoded
        return form?.values("v").first
    }
}
