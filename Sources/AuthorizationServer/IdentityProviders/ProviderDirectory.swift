package import Crypto

/// Every way to log in, as configured.
package struct ProviderDirectory: Sendable {
    /// In the order of the configuration.
    package let providers: [any IdentityProvider]
    /// Logins by the header of a proxy.
    package let proxyLogins: [TrustedProxyLogin]
    /// Those whose assertions are taken at `/token`.
    package let assertingProviders: [AssertingProvider]
    /// Whether accounts with a password of this server may log in.
    package let hasLocalAccounts: Bool
    private let sealing: SealingKey?

    /// Collects them. Without a sealing key no credential of a provider is kept, and no provider is asked again.
    package init(
        providers: [any IdentityProvider], proxyLogins: [TrustedProxyLogin] = [],
        assertingProviders: [AssertingProvider] = [], hasLocalAccounts: Bool, sealing: SealingKey?
    ) {
        self.providers = providers
        self.proxyLogins = proxyLogins
        self.assertingProviders = assertingProviders
        self.hasLocalAccounts = hasLocalAccounts
        self.sealing = sealing?.derived(for: "provider-credential")
    }

    /// Local accounts and nothing else.
    package static let localOnly = ProviderDirectory(providers: [], hasLocalAccounts: true, sealing: nil)

    /// Whether a password is the only way.
    var isLocalOnly: Bool { providers.isEmpty && proxyLogins.isEmpty }

    /// The provider of this name.
    func provider(_ id: String) -> (any IdentityProvider)? {
        providers.first { $0.id.utf8.elementsEqual(id.utf8) }
    }

    /// The provider that vouches for this issuer's users.
    func provider(ofIssuer issuer: String) -> (any IdentityProvider)? {
        providers.first { $0.issuer.utf8.elementsEqual(issuer.utf8) }
    }

    /// The provider whose assertions say that they are of this issuer.
    func assertingProvider(ofIssuer issuer: String) -> AssertingProvider? {
        assertingProviders.first { $0.issuer.utf8.elementsEqual(issuer.utf8) }
    }

    /// Whether somebody whom this issuer vouched for may come in by what is configured now.
    func admits(_ identity: ProviderIdentity) -> Bool {
        let lists =
            providers.filter { $0.issuer.utf8.elementsEqual(identity.issuer.utf8) }.map(\.allowList)
            + proxyLogins.filter { $0.issuer.utf8.elementsEqual(identity.issuer.utf8) }.map(\.allowList)
            + assertingProviders.filter { $0.issuer.utf8.elementsEqual(identity.issuer.utf8) }.map(\.allowList)
        return lists.contains { $0.admits(identity.facts) }
    }

    /// A provider's credential as it is stored, bound to its identity; nil where none is kept.
    func seal(_ credential: String?, for identity: ProviderIdentity) throws(CryptoError) -> [UInt8]? {
        guard let credential, let sealing else { return nil }
        return try sealing.seal(Array(credential.utf8), authenticating: identity.key.bytes)
    }

    /// A stored credential; nil where there is none that this server sealed for this identity.
    func open(_ sealed: [UInt8]?, for identity: ProviderIdentity) -> String? {
        guard let sealed, let bytes = sealing?.open(sealed, authenticating: identity.key.bytes) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}
