/// Finds out whether a token is good at its issuer.
protocol ExternalTokenSource: Sendable {
    /// How long an answer counts.
    var cacheLifetime: Duration { get }

    /// The token; nil where its issuer says that it is none. `jws` is the token taken apart, where it is a JWS.
    func examine(_ token: String, _ jws: UnverifiedJWS?) async throws(AccessTokenRejection) -> ExternalToken?
}
