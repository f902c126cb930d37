import HTTP

/// Refuses `routing: subdomain` where it makes no hosts. The public URL may come from the environment or the command line, so
/// this waits for them.
struct RoutingCheck {
    /// The longest name that a host may have (RFC 1035 §2.3.4).
    private static let longestHost = 253

    let context: ConfigurationContext
    let configuration: Configuration

    /// Records everything that is in the way.
    func check() {
        guard configuration.routing == .subdomain else { return }
        let path = ConfigurationPath.root.key("routing")
        guard let url = configuration.publicURL else {
            return context.refuse(
                path, line: nil, "subdomain needs public_url: the servers are at names below it",
                hint: "set it to the address that clients use, like https://mcp.example.com or http://localhost:8080")
        }
        guard case .name(let host) = url.host else {
            return context.refuse(
                path, line: nil, "subdomain needs a name, and \(url.host) is an address",
                hint: "use a name in public_url, or routing: path")
        }
        for server in configuration.servers {
            let place = ConfigurationPath.root.key("servers").key(server.name)
            guard Self.isLabel(server.name) else {
                context.refuse(
                    place, line: nil,
                    "\"\(server.name)\" cannot be part of a host name, which routing: subdomain needs",
                    hint: "use small letters, digits and -, and no - at the end")
                continue
            }
            if server.name.utf8.count + 1 + host.utf8.count > Self.longestHost {
                context.refuse(place, line: nil, "\(server.name).\(host) is too long for a host name")
            }
        }
    }

    /// Whether a name of a server, which has been looked at, is one of a host in its one spelling (RFC 1123 §2.1).
    private static func isLabel(_ name: String) -> Bool {
        name.utf8.last != UInt8(ascii: "-")
            && name.utf8.allSatisfy { $0 != UInt8(ascii: "_") && !(UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
    }
}
