import HTTP
package import OAuth

/// Every endpoint of the gateway as a protected resource; the authorization server asks it for audiences.
package struct ResourceCatalog: ProtectedResourceDirectory {
    private let byPath: [String: ProtectedResource]
    package let all: [ProtectedResource]
    /// Of each server one.
    let servers: [ProtectedResource]
    /// The aggregate, where there is one.
    let others: [ProtectedResource]

    /// One resource per server, then that of all of them.
    package init(servers: [ServerDefinition], scopes: [String], hasAggregate: Bool = false) {
        self.servers = servers.map {
            ProtectedResource(
                origin: $0.site?.origin, path: $0.path, name: $0.name, scopes: scopes + $0.requiredScopes,
                isElsewhere: false)
        }
        others = hasAggregate ? [.aggregate(scopes: scopes)] : []
        all = self.servers + others
        let own = all.filter { $0.origin == nil }
        byPath = Dictionary((own + own.compactMap(\.eventChannel)).map { ($0.path, $0) }) { first, _ in first }
    }

    package func resource(atPath path: String) -> ProtectedResource? { byPath[path] }
}

extension ProtectedResource {
    /// All servers as one.
    package static func aggregate(scopes: [String]) -> ProtectedResource {
        ProtectedResource(path: AggregateConfiguration.path, name: "all servers", scopes: scopes, isCollective: true)
    }

    /// The same server by the transport of 2024-11-05, an endpoint and so a resource of its own; nil where it has no place.
    package var eventChannel: ProtectedResource? {
        EventChannelPaths(besides: path).map { moved(to: $0.stream) }
    }
}
