package import HTTP

/// Another authorization server whose tokens are taken here, as the operator described it. For it this server is a
/// protected resource and nothing else (RFC 9728).
package struct ExternalIssuer: Sendable, Equatable {
    /// How its tokens are looked into.
    package enum Verification: Sendable, Equatable {
        /// They are JWTs, signed with a key of its set; found by discovery unless the operator named the place.
        case keySet(at: HTTPURL?)
        /// It is asked about them (RFC 7662).
        case introspection(IntrospectionAccess)
    }

    /// `iss` of its tokens, byte for byte.
    package var issuer: HTTPURL
    /// How its tokens are looked into.
    package var verification: Verification
    /// Which claim says what.
    package var claims = ClaimMapping()
    /// Names under which it knows us. A token's audience is one of these or the resource's own URL, and nothing else (T05).
    package var audiences: [String] = []
    /// Values of `typ` that its access tokens have, in lower case and without `application/`.
    package var types = ["at+jwt"]
    /// Scopes without which a token is good for nothing here.
    package var requiredScopes: [String] = []
    /// Takes tokens that name no audience at all: every token of that issuer, whoever it was meant for.
    package var acceptsMissingAudience = false

    /// Whether it is asked about tokens, also about those that do not say whose they are.
    package var isAsked: Bool {
        if case .introspection = verification { true } else { false }
    }

    /// An issuer with the defaults.
    package init(_ issuer: HTTPURL, _ verification: Verification) {
        self.issuer = issuer
        self.verification = verification
    }
}

/// How an authorization server is asked about tokens (RFC 7662 §2.1).
package struct IntrospectionAccess: Sendable, Equatable {
    /// Where; found by discovery when nil.
    package var endpoint: HTTPURL?
    /// The client as which we ask, and its secret, by `client_secret_basic`.
    package var client: String
    /// Its secret.
    package var secret: String
    /// How long an answer counts: a token that ends there is refused here so much later.
    package var cache: Duration

    /// Describes the access.
    package init(endpoint: HTTPURL? = nil, client: String, secret: String, cache: Duration = .seconds(30)) {
        self.endpoint = endpoint
        self.client = client
        self.secret = secret
        self.cache = cache
    }
}
