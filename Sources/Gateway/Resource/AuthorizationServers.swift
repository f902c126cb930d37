/// Whose tokens the resources take, as their metadata says (RFC 9728 §2).
package struct AuthorizationServers: Sendable {
    /// Other servers, by issuer.
    package var external: [String]
    /// Whether ours is one of them.
    package var includesOwn: Bool

    /// Our own alone, unless said otherwise.
    package init(external: [String] = [], includesOwn: Bool = true) {
        self.external = external
        self.includesOwn = includesOwn
    }

    /// All issuers, for clients that know us by `origin`.
    func issuers(at origin: String) -> [String] { external + (includesOwn ? [origin] : []) }
}
