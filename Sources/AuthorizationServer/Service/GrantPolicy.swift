/// What an operator can decide about the less common ways to a token.
package struct GrantPolicy: Sendable {
    /// `oauth.require_pushed_authorization_requests` (RFC 9126 §5).
    package var requiresPushedRequests = false
    /// The life of a pushed request; more than 60 s is not accepted (A17).
    package var pushedRequestLifetime: Duration = .seconds(60)
    /// Pushed requests that are kept; beyond, the oldest give way.
    package var pushedRequestCapacity = 10_000
    /// Devices that sign in elsewhere (RFC 8628).
    package var devices = DevicePolicy()
    /// `oauth.identity_assertions`: whether there is a provider whose ID-JAGs are taken.
    package var acceptsIdentityAssertions = false
    /// Requests to `/par` and `/device_authorization` of one address in a minute.
    package var clientRequestsPerMinute = 600

    /// The defaults.
    package init() {}
}

/// `oauth.device_authorization`.
package struct DevicePolicy: Sendable {
    /// Whether terminals may sign in this way.
    package var isEnabled = true
    /// How long a code works.
    package var lifetime: Duration = .seconds(600)
    /// Codes that are kept; beyond, the oldest give way.
    package var capacity = 10_000
    /// Codes that one address may type in a minute (RFC 8628 §5.1).
    package var attemptsPerMinute = 10

    /// The defaults.
    package init() {}
}

extension AuthorizationServerConfiguration {
    /// `grant_types_supported`.
    var grantTypes: [String] {
        var types = ["authorization_code", "refresh_token", ClientCredentialsGrant.type]
        if grants.devices.isEnabled { types.append(DeviceCodeGrant.type) }
        if grants.acceptsIdentityAssertions { types.append(JWTBearerGrant.type) }
        return types
    }
}
