/// What an operator can decide about the less common ways to a token.
package struct GrantPolicy: Sendable {
    /// `oauth.require_pushed_authorization_requests` (RFC 9126 §5).
    package var requiresPushedRequests = false
    /// The life of a pushed request; more than 60 s is not accepted (A17).
    package var pushedRequestLifetime: Duration = .seconds(60)
    /// Pushed requests that are kept; beyond, the oldest give way.
    package var pushedRequestCapacity = 10_000
    /// Requests to `/par` of one address in a minute.
    package var clientRequestsPerMinute = 600

    /// The defaults.
    package init() {}
}
