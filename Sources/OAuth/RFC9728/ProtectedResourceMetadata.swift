package import JSON

/// RFC 9728 §2: what a client needs to know to get a token for a resource.
package struct ProtectedResourceMetadata: Sendable {
    /// The resource's identifier: the URL that the client uses, or clients refuse the document.
    package var resource: String
    /// Issuers whose tokens it takes.
    package var authorizationServers: [String]
    package var scopes: [String]
    package var name: String

    package init(resource: String, authorizationServers: [String], scopes: [String], name: String) {
        self.resource = resource
        self.authorizationServers = authorizationServers
        self.scopes = scopes
        self.name = name
    }

    /// The document. Tokens are taken in the header only (RFC 6750 §2.1).
    package func json() -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("resource", .string(resource)),
            .init("authorization_servers", .array(authorizationServers.map { .string($0) })),
            .init("bearer_methods_supported", ["header"]), .init("resource_name", .string(name)),
        ]
        if !scopes.isEmpty { members.append(.init("scopes_supported", .array(scopes.map { .string($0) }))) }
        return .object(members)
    }
}
