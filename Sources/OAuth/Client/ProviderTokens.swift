import HTTP
import JSON

/// What a token endpoint gave us (OAuth 2.1 §3.2.3, OpenID Connect Core §3.1.3.3).
package struct ProviderTokens: Sendable {
    /// For the provider's own interfaces; never for anybody else (I08).
    package let accessToken: String
    /// With which the provider can be asked again.
    package let refreshToken: String?
    /// Who logged in, signed.
    package let idToken: String?
    /// What was granted, where the provider says so; GitHub separates by commas.
    package let scopes: [String]?

    private static let maximumBytes = 64 << 10

    /// Errors that take something back. Everything else that a token endpoint complains about is about us.
    private static let rejections = ["invalid_grant", "bad_verification_code", "bad_refresh_token", "access_denied"]
    private static let outages = ["temporarily_unavailable", "server_error", "slow_down"]

    /// Reads an answer. Errors are found by their member, not by the status: GitHub sends them with 200.
    init(_ answer: OutboundDocuments.Answer) throws(ProviderFailure) {
        let status = answer.status.code
        if let error = answer.root["error"] {
            let name = error.string ?? error["code"]?.string ?? "unknown"
            let detail = "the token endpoint answered \(status) \(name.prefix(64))"
            if Self.rejections.contains(name) { throw ProviderFailure(.rejected, detail) }
            let isOutage = Self.outages.contains(name) || status >= 500 || status == 429
            throw ProviderFailure(isOutage ? .unavailable : .misconfigured, detail)
        }
        guard status == 200 else {
            let failure = DocumentFailure(.status(status), "the token endpoint answered \(status)")
            throw ProviderFailure(failure.isTemporary ? .unavailable : .misconfigured, failure.detail)
        }
        guard let token = Self.token(answer.root["access_token"]) else {
            throw ProviderFailure(.untrusted, "the token endpoint gave no access token")
        }
        if let type = answer.root["token_type"]?.string, type.utf8.map(AbsoluteURI.lowercased) != Array("bearer".utf8) {
            throw ProviderFailure(.untrusted, "the token endpoint gave a token of another type than bearer")
        }
        accessToken = token
        refreshToken = Self.token(answer.root["refresh_token"])
        idToken = answer.root["id_token"]?.string
        scopes = answer.root["scope"]?.string?.split { $0 == " " || $0 == "," }.map(String.init)
    }

    /// A token that can stand in a header field.
    private static func token(_ node: JSONNode?) -> String? {
        guard let text = node?.string, (1...maximumBytes).contains(text.utf8.count),
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        return text
    }
}
