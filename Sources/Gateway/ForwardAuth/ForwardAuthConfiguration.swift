package import HTTP
package import OAuth
package import Telemetry

/// What `/verify` is told: who asks for tokens on behalf of MCP servers that stand behind another proxy.
package struct ForwardAuthConfiguration: Sendable {
    /// Under which names clients know us.
    package var hosts: HostPolicy
    /// Our own endpoints and the resources elsewhere.
    package var directory: any ProtectedResourceDirectory
    /// Judges tokens.
    package var verifier: any AccessTokenVerifier
    /// Who may use what; nil where everybody with a token may. It knows the resources elsewhere by their names, as it does servers.
    package var access: AccessPolicy?
    /// Whether the token itself goes to the upstream, as `X-Auth-Token`: whoever reads it there can use it.
    package var forwardsBearer = false
    /// Nil where no trail is kept.
    package var tally: AuditTally?
    package var metrics = MetricsRegistry.shared
    /// What a person sees who opens the address of a resource in a browser, by its name and our own address.
    package var page: @Sendable (_ name: String?, _ origin: String) -> HTTPResponse

    package init(
        hosts: HostPolicy, directory: any ProtectedResourceDirectory, verifier: any AccessTokenVerifier,
        page: @escaping @Sendable (_ name: String?, _ origin: String) -> HTTPResponse
    ) {
        self.hosts = hosts
        self.directory = directory
        self.verifier = verifier
        self.page = page
    }
}
