import Crypto
import HTTP
import JSON
import MCP

/// Where the icons of servers are for our clients: at our own address, or that of the server's own host, because clients show
/// nothing of another origin than that of the server that they know, and are to tell nobody else whom they talk to (mcp.md C15).
///
/// Such an address holds the server's own and a code that only we can make, so that nothing is fetched but what a server has
/// shown. It is always the same, so that lists are.
struct IconAddresses: Sendable {
    static let path = "/icons"
    /// Longest address of a server's that is carried.
    private static let maximumBytes = 2048

    /// Our own address, which is asked for each time: with a free port it is known once that is bound.
    private let base: @Sendable () -> String
    private let key: SealingKey
    /// Where the servers behind HTTP are; their icons must be there, too.
    private let origins: [String: String]

    /// Nil where it is not known by which address clients reach us.
    init?(_ configuration: GatewayConfiguration) {
        guard let issuer = configuration.issuer else { return nil }
        base = issuer
        key = configuration.sealing.derived(for: "icon-address")
        origins = Dictionary(
            configuration.servers.compactMap { server in server.remote.map { (server.name, $0.url.origin) } }
        ) { first, _ in first }
    }

    /// An answer of `server` with its icons at its own host, or at our address where it has none or `site` is nil.
    func placing(
        _ response: JSONRPCMessage, _ method: MCPMethod, of server: String, at site: HTTPURL?
    ) -> JSONRPCMessage {
        let base = base(at: site)
        return IconMessage.placing(response, method) { placement(of: $0, server, at: base) }
    }

    private func base(at site: HTTPURL?) -> String {
        if let site { return site.origin }
        let base = base()
        return base.hasSuffix("/") ? String(base.dropLast()) : base
    }

    /// What becomes of an icon at `address`. Only what clients may show is left: pictures in the text itself, and what can be
    /// fetched for them.
    func placement(of address: [UInt8], _ server: String, at base: String) -> IconMessage.Placement {
        let text = String(decoding: address, as: UTF8.self)
        if text.hasPrefix("data:image/") { return .kept }
        guard address.count <= Self.maximumBytes, let url = try? HTTPURL(text), isShown(url, by: server) else {
            return .removed
        }
        let query = FormParameters.encoded([
            ("s", server), ("u", Base64URL.encode(address)), ("m", code(of: address, server)),
        ])
        return .moved(JSONText.quoted("\(base)\(Self.path)?\(query)"))
    }

    /// The server and its own address behind one of ours; nil where we did not make it.
    func target(_ parameters: FormParameters) -> (server: String, url: HTTPURL)? {
        guard let server = (try? parameters.unique("s")) ?? nil, let text = (try? parameters.unique("u")) ?? nil,
            let given = (try? parameters.unique("m")) ?? nil, let address = Base64URL.decode(Array(text.utf8)),
            ConstantTime.equals(Array(given.utf8), Array(code(of: address, server).utf8)),
            let url = try? HTTPURL(String(decoding: address, as: UTF8.self)), isShown(url, by: server)
        else { return nil }
        return (server, url)
    }

    /// Whether a server may show what is at `url`: what is at its own origin, or, where it is a program and has none, what
    /// anybody could be shown.
    private func isShown(_ url: HTTPURL, by server: String) -> Bool {
        guard let origin = origins[server] else { return url.scheme == .https }
        return url.origin.utf8.elementsEqual(origin.utf8)
    }

    private func code(of address: [UInt8], _ server: String) -> String {
        Base64URL.encode(key.code(over: Array("\(server):".utf8) + address))
    }
}
