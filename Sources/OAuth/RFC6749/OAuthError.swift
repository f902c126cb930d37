import JSON

/// An error of an OAuth endpoint, in its three texts: a code for machines, a description for the peer, and a detail
/// for our log that never leaves the process.
package struct OAuthError: Error, Sendable, Equatable {
    /// The registered codes that this server uses.
    package enum Code: String, Sendable, CaseIterable {
        // RFC 6749 §4.1.2.1, §5.2
        case invalidRequest = "invalid_request"
        case invalidClient = "invalid_client"
        case invalidGrant = "invalid_grant"
        case unauthorizedClient = "unauthorized_client"
        case unsupportedGrantType = "unsupported_grant_type"
        case unsupportedResponseType = "unsupported_response_type"
        case invalidScope = "invalid_scope"
        case accessDenied = "access_denied"
        case serverError = "server_error"
        case temporarilyUnavailable = "temporarily_unavailable"
        // RFC 8707 §2
        case invalidTarget = "invalid_target"
        // RFC 6750 §3.1
        case invalidToken = "invalid_token"
        case insufficientScope = "insufficient_scope"
        // RFC 7591 §3.2.2
        case invalidRedirectURI = "invalid_redirect_uri"
        case invalidClientMetadata = "invalid_client_metadata"
        case invalidSoftwareStatement = "invalid_software_statement"
        case unapprovedSoftwareStatement = "unapproved_software_statement"
        // RFC 7009 §2.2.1
        case unsupportedTokenType = "unsupported_token_type"
        // RFC 8628 §3.5
        case authorizationPending = "authorization_pending"
        case slowDown = "slow_down"
        case expiredToken = "expired_token"
        // RFC 9449 §12.2
        case invalidDPoPProof = "invalid_dpop_proof"
        // OpenID Connect Core §3.1.2.6
        case loginRequired = "login_required"
        case consentRequired = "consent_required"
        case requestNotSupported = "request_not_supported"
    }

    package let code: Code
    /// What the peer is told: what was wrong, where, what to do. ASCII without `"` and `\` (RFC 6749 §5.2).
    package let description: String
    /// For our log only.
    package let detail: String

    package init(_ code: Code, _ description: String, detail: String = "") {
        self.code = code
        self.description = Self.presentable(description)
        self.detail = detail
    }

    package static func == (left: OAuthError, right: OAuthError) -> Bool { left.code == right.code }

    /// The status of a direct answer with this error.
    package var statusCode: Int {
        switch code {
        case .invalidClient, .invalidToken: 401
        case .insufficientScope: 403
        case .serverError: 500
        case .temporarilyUnavailable: 503
        default: 400
        }
    }

    /// The body of a direct answer (RFC 6749 §5.2).
    package func json() -> [UInt8] {
        let value: JSONValue = ["error": .string(code.rawValue), "error_description": .string(description)]
        return value.serialized()
    }

    private static func presentable(_ text: String) -> String {
        String(
            text.unicodeScalars.map { scalar in
                switch scalar.value {
                case 0x22, 0x5C: "'"
                case 0x20...0x7E: Character(scalar)
                default: "?"
                }
            })
    }
}
