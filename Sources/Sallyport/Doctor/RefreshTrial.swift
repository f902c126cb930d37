/// What came of using a refresh token once (RFC 6749 §6).
enum RefreshTrial: Sendable, Equatable {
    /// The login brought none.
    case absent
    /// Another one came with the new access token.
    case rotated
    /// It stays the same.
    case kept
    case refused(String)

    /// Whether there is a new access token.
    var isNew: Bool { self == .rotated || self == .kept }

    var finding: Finding {
        switch self {
        case .absent:
            Finding(
                verdict: .warning, seen: "the login came without a refresh token",
                remedy:
                    "give one to clients whose grant_types have refresh_token: people log in again otherwise, each time that "
                    + "the access token ends")
        case .rotated:
            Finding(
                verdict: .passed, seen: "the login was refreshed, and another refresh token came with it", remedy: nil)
        case .kept:
            Finding(
                verdict: .noted, seen: "the login was refreshed, and the refresh token stays the same",
                remedy:
                    "give another one each time: of a public client it is the only sign of a theft (OAuth 2.1 §4.3.1)")
        case .refused(let reason):
            Finding(
                verdict: .warning, seen: "the login cannot be refreshed: \(reason)",
                remedy:
                    "clients send grant_type, refresh_token, client_id and resource to the token endpoint, and no secret"
            )
        }
    }

    /// What is said of a new access token that opens nothing.
    static let worthless = Finding(
        verdict: .failed, seen: "the access token of a refresh is refused",
        remedy: "issue it for the same resource and scope as the one before (RFC 8707 §2.2)")
}
