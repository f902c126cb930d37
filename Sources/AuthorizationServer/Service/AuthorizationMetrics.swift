import OAuth
import Telemetry

/// The counters of the authorization server. Labels are words of closed sets; all are made at start, so that the first of a
/// kind shows as growth.
struct AuthorizationMetrics: Sendable {
    /// How somebody proves who they are.
    enum LoginWay: String, CaseIterable {
        /// A local account.
        case password
        /// An identity provider.
        case provider
        /// A proxy in front of us.
        case proxy
        /// What an identity provider wrote for a client (RFC 7523).
        case assertion
    }

    /// What came of it.
    enum LoginOutcome: String, CaseIterable {
        case success
        /// Nothing was proven.
        case failed
        /// Proven, and not let in.
        case denied
        /// Not looked at: too many attempts before.
        case delayed
    }

    /// What may not be asked without end.
    enum Limit: String, CaseIterable {
        case pages
        case registrations
        case clientRequests = "client_requests"
        case deviceCodes = "device_codes"
        case clientSecrets = "client_secrets"
        /// Of one account, after wrong passwords.
        case loginDelay = "login_delay"
        /// At one time.
        case logins
    }

    /// What `/token` is asked with.
    private static let grantTypes = [
        "authorization_code": "authorization_code", "refresh_token": "refresh_token",
        ClientCredentialsGrant.type: "client_credentials", DeviceCodeGrant.type: "device_code",
        JWTBearerGrant.type: "jwt_bearer",
    ]

    /// What `/token` answers; everything else is `other`.
    private static let errors: [OAuthError.Code] = [
        .invalidRequest, .invalidClient, .invalidGrant, .unauthorizedClient, .unsupportedGrantType, .invalidScope,
        .invalidTarget, .invalidDPoPProof, .accessDenied, .authorizationPending, .slowDown, .expiredToken, .serverError,
        .temporarilyUnavailable,
    ]

    private let issued: [String: Counter]
    private let refused: [OAuthError.Code: Counter]
    private let otherwiseRefused: Counter
    private let logins: [LoginWay: [LoginOutcome: Counter]]
    private let limits: [Limit: Counter]

    init(in registry: MetricsRegistry) {
        issued = Self.grantTypes.mapValues { word in
            registry.counter(
                "sallyport_tokens_issued_total", help: "Access tokens that were issued, by grant type.",
                labels: [("grant_type", word)])
        }
        func refusal(_ word: String) -> Counter {
            registry.counter(
                "sallyport_token_requests_refused_total",
                help: "Requests for tokens that got none, by error; those that are pending ask again.",
                labels: [("error", word)])
        }
        refused = Dictionary(uniqueKeysWithValues: Self.errors.map { ($0, refusal($0.rawValue)) })
        otherwiseRefused = refusal("other")
        logins = Dictionary(
            uniqueKeysWithValues: LoginWay.allCases.map { way in
                let outcomes = LoginOutcome.allCases.map { outcome in
                    let counter = registry.counter(
                        "sallyport_logins_total",
                        help: "Logins, by the way in which they were tried and their outcome.",
                        labels: [("way", way.rawValue), ("outcome", outcome.rawValue)])
                    return (outcome, counter)
                }
                return (way, Dictionary(uniqueKeysWithValues: outcomes))
            })
        limits = Dictionary(
            uniqueKeysWithValues: Limit.allCases.map { limit in
                // The gateway has others in this family.
                let counter = registry.counter(
                    "sallyport_limits_reached_total",
                    help: "Times that something was refused because of a limit, by limit.",
                    labels: [("limit", limit.rawValue)])
                return (limit, counter)
            })
    }

    /// `/token` gave a token for this `grant_type`.
    func issued(_ grantType: String) { issued[grantType]?.increment() }

    /// `/token` gave none.
    func refused(_ error: any Error) {
        switch error {
        case let error as OAuthError: (refused[error.code] ?? otherwiseRefused).increment()
        case let error as PeerDocumentError: (refused[OAuthError(error).code] ?? otherwiseRefused).increment()
        case is StoreError: (refused[.temporarilyUnavailable] ?? otherwiseRefused).increment()
        default: otherwiseRefused.increment()
        }
    }

    /// Somebody tried to log in.
    func login(_ way: LoginWay, _ outcome: LoginOutcome) { logins[way]?[outcome]?.increment() }

    /// A limit was reached.
    func reached(_ limit: Limit) { limits[limit]?.increment() }
}
