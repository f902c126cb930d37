import JSON
import OAuth

/// The body of a successful answer (OAuth 2.1 §3.2.3).
struct TokenResponse {
    let accessToken: String
    let expiresIn: Int64
    /// Nil where the client can do without: it asks again with its own credentials.
    let refreshToken: String?
    /// Whether it is bound to a key (RFC 9449 §5).
    let isBound: Bool
    let scope: Scope

    var json: JSONValue {
        var members: [JSONValue.Member] = [
            .init("access_token", .string(accessToken)), .init("token_type", isBound ? "DPoP" : "Bearer"),
            .init("expires_in", .integer(expiresIn)),
        ]
        if let refreshToken { members.append(.init("refresh_token", .string(refreshToken))) }
        members.append(.init("scope", .string(scope.description)))
        return .object(members)
    }
}
