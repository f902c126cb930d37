package import OAuth

/// Every endpoint of the gateway as a protected resource; the authorization server asks it for audiences.
package struct ResourceCatalog: ProtectedResourceDirectory {
    private let byPath: [String: ProtectedResource]
    package let all: [ProtectedResource]

    /// One resource per server.
    package init(servers: [ServerDefinition], scopes: [String]) {
        all = servers.map { ProtectedResource(path: $0.path, name: $0.name, scopes: scopes + $0.requiredScopes) }
        byPath = Dictionary(all.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
    }

    package func resource(atPath path: String) -> ProtectedResource? { byPath[path] }
}
