package import OAuth

/// Every endpoint of the gateway as a protected resource; the authorization server asks it for audiences.
package struct ResourceCatalog: ProtectedResourceDirectory {
    private let byPath: [String: ProtectedResource]
    package let all: [ProtectedResource]

    /// One resource per server.
    package init(servers: [ServerDefinition], scopes: [String]) {
        all = servers.map { ProtectedResource(path: $0.path, name: $0.name, scopes: scopes + $0.requiredScopes) }
        byPath = Dictionary((all + all.compactMap(\.eventChannel)).map { ($0.path, $0) }) { first, _ in first }
    }

    package func resource(atPath path: String) -> ProtectedResource? { byPath[path] }
}

extension ProtectedResource {
    /// The same server by the transport of 2024-11-05, an endpoint and so a resource of its own; nil where it has no place.
    package var eventChannel: ProtectedResource? {
        EventChannelPaths(besides: path).map { moved(to: $0.stream) }
    }
}
