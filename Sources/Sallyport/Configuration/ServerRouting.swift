import Gateway
import HTTP

/// `routing`: how clients tell one server from another.
enum ServerRouting: String, Sendable, CaseIterable {
    /// By the first part of the path: `HOST/time/mcp`.
    case path
    /// By a name below that of the gateway: `time.HOST/mcp`.
    case subdomain
}

/// Where clients find a server.
struct ServedAddress: Sendable {
    /// For people.
    let name: String
    /// The host that is its own; nil where it stands at a path of ours.
    var site: HTTPURL?
    let path: String

    /// Its URL, for a client that calls us `own`.
    func url(at own: String) -> String { (site?.origin ?? own) + path }
}

extension Configuration {
    /// The host of a server, where each has its own.
    func site(of server: String) -> HTTPURL? {
        guard routing == .subdomain, let publicURL, case .name(let host) = publicURL.host else { return nil }
        let port = publicURL.port == publicURL.scheme.defaultPort ? "" : ":\(publicURL.port)"
        // Names have been looked at; one that makes no host would stand nowhere.
        return try? HTTPURL("\(publicURL.scheme.rawValue)://\(server).\(host)\(port)")
    }

    /// All hosts by which clients come: that of the public URL, and those of the servers.
    var hosts: [HTTPURL.Host] {
        (publicURL.map { [$0.host] } ?? []) + servers.compactMap { site(of: $0.name)?.host }
    }

    /// Where the endpoint of a server is.
    func address(of server: String) -> ServedAddress {
        site(of: server).map { ServedAddress(name: server, site: $0, path: AggregateConfiguration.path) }
            ?? ServedAddress(name: server, path: "/\(server)/mcp")
    }
}
