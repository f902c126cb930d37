package import JSON

/// RFC 9728 §2: what a client needs to know to get a token for a resource.
package struct ProtectedResourceMetadata: Sendable {
    /// The resource's identifier: the URL that the client uses, or clients refuse the document.
    package var resource: String
    /// Issuers whose tokens it takes.
    package var authorizationServers: [String]
    package var scopes: [String]
    package var name: String
    /// Whether tokens that are bound to a key are taken (RFC 9449).
    package var takesBoundTokens: Bool

    package init(
        resource: String, authorizationServers: [String], scopes: [String], name: String, takesBoundTokens: Bool = false
    ) {
        self.resource = resource
        self.authorizationServers = authorizationServers
        self.scopes = scopes
        self.name = name
        self.takesBoundTokens = takesBoundTokens
    }

    /// The document. Tokens are taken in the header only (RFC 6750 §2.1).
    package func json() -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("resource", .string(resource)),
            .init("authorization_servers", .array(authorizationServers.map { .string($0) })),
            .init("bearer_methods_supported", ["header"]), .init("resource_name", .string(name)),
        ]
        if takesBoundTokens {
            let algorithms = DPoPChallenge.algorithms.map { JSONValue.string($0) }
            members.append(.init("dpop_signing_alg_values_supported", .array(algorithms)))
        }
        if !scopes.isEmpty { members.append(.init("scopes_supported", .array(scopes.map { .string($0) }))) }
        return .object(members)
    }
}
