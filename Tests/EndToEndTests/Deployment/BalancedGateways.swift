import Crypto
import Foundation
import TestSupport
import Testing

/// Two gateways on one Redis, and a real proxy in front that balances over them, as Examples/two-machines has it.
struct BalancedGateways {
    /// Which proxy.
    enum Proxy: String, CaseIterable, Sendable, CustomTestStringConvertible {
        case nginx, caddy
        var testDescription: String { rawValue }
    }

    /// Which of the two gets a request.
    enum Choice: Sendable {
        /// As the example has it.
        case byAddress
        /// As the example has it without the line that keeps clients where they are.
        case inTurn
    }

    /// Where clients come to.
    let port: Int
    let gateways: [GatewayProcess]
    let proxy: RunningProgram
    private let redis: RedisServer

    init(_ kind: Proxy, _ choice: Choice) async throws {
        let redis = try RedisServer(configuration: ["appendonly yes", "appendfsync always"])
        try redis.start()
        var ports: Set<Int> = []
        while ports.count < 3 { ports.insert(try FreePort.find()) }
        let all = Array(ports)
        port = all[0]
        let key = [UInt8]((0..<32).map { _ in UInt8.random(in: 0...255) })
        let configuration = """
            public_url: http://localhost:\(all[0])
            trusted_proxies: [127.0.0.1]
            servers:
              demo: {command: \(Checkout.binary), args: [demo-server]}
              modern: {command: \(Checkout.binary), args: [demo-server, --era, modern]}
            rate_limits: {registration: 10000/min}
            logging: {level: {default: info, access: info}}
            storage: \(redis.url)
            sealing_key: \(Base64URL.encode(key))

            """
        gateways = try all[1...].map { try GatewayProcess(configuration: configuration, port: $0) }
        for gateway in gateways { try await gateway.start() }
        let added = try await gateways[0].command(
            [
                "user", "add", EndToEnd.user, "--password-stdin", "--config",
                gateways[0].directory.file("sallyport.yaml"),
            ],
            input: EndToEnd.password + "\n")
        try #require(added.exit == .exited(0), "\(added.errors)")
        self.redis = redis
        let directory = gateways[0].directory
        let words =
            try kind == .nginx
            ? ProxyFrame.nginx(Self.nginx(port, gateways.map(\.port), choice), in: directory)
            : ProxyFrame.caddy(Self.caddy(port, gateways.map(\.port), choice), in: directory)
        let proxy = try ProxyFrame.start(words, in: directory, name: kind.rawValue)
        self.proxy = proxy
        try await eventuallyTrue("\(kind); \(proxy.errors)", within: .seconds(30)) { [port] in
            try await onThread { try? PlainHTTP.exchange(port: port, "GET", "/live", timeout: 5).status } == 200
        }
    }

    /// What the proxy says first of what went wrong.
    var complaints: String {
        proxy.errors.split(separator: "\n").filter { !$0.contains("\"level\":\"info\"") }.prefix(6)
            .joined(separator: "\n")
    }

    /// Ends the proxy; gateways and store end with whoever holds them.
    func stop() { proxy.killTree() }

    /// The file of the example, whose addresses are ours and whose TLS other tests drive.
    private static func nginx(_ port: Int, _ gateways: [Int], _ choice: Choice) throws -> String {
        let text = try example(
            "nginx.conf", gateways, sticky: "    hash $remote_addr consistent;\n", choice, inTurn: "")
        return try text.replacing("listen 443 ssl;", by: "listen 127.0.0.1:\(port);")
            .replacing("    ssl_certificate /etc/ssl/mcp/chain.pem;\n", by: "")
            .replacing("    ssl_certificate_key /etc/ssl/mcp/key.pem;\n", by: "")
            .replacing("server_name mcp.example.com;", by: "server_name localhost;")
    }

    private static func caddy(_ port: Int, _ gateways: [Int], _ choice: Choice) throws -> String {
        try example("Caddyfile", gateways, sticky: "lb_policy ip_hash", choice, inTurn: "lb_policy round_robin")
            .replacing("mcp.example.com {", by: "http://localhost:\(port) {")
    }

    private static func example(
        _ name: String, _ gateways: [Int], sticky: String, _ choice: Choice, inTurn: String
    ) throws -> String {
        let file = Checkout.root + "/Examples/two-machines/" + name
        var text = try String(contentsOfFile: file, encoding: .utf8)
        for (index, port) in gateways.enumerated() {
            text = try text.replacing("10.0.0.1\(index + 1):8080", by: "127.0.0.1:\(port)")
        }
        return try choice == .inTurn ? text.replacing(sticky, by: inTurn) : text
    }
}

extension BalancedGateways {
    /// One request through the proxy.
    func ask(_ path: String) async throws -> PlainResponse {
        try await onThread { [port] in try PlainHTTP.exchange(port: port, "GET", path) }
    }

    /// Logs in through the proxy.
    func logIn() async throws -> (client: String, tokens: TokenPair) {
        try await onThread { [walk] in try walk.logIn() }
    }

    /// A person's walk through the proxy.
    var walk: OAuthWalk { OAuthWalk(port: port, user: EndToEnd.user, password: EndToEnd.password) }

    /// A client without sessions that comes from `source`.
    func modern(_ token: String, from source: String) -> PlainModernMCP {
        var client = PlainModernMCP(port: port, path: "/demo/mcp", token: token)
        client.source = source
        return client
    }

    /// A session that begins through the proxy and comes from `source`.
    func session(_ token: String, from source: String) async throws -> PlainMCP {
        let port = port
        return try await onThread {
            var client = PlainMCP(port: port, path: "/demo/mcp", token: token)
            client.source = source
            let answer = try client.open()
            guard client.session != nil else {
                throw PlainBrowser.WalkError(description: "initialize: \(answer.status) \(answer.messages)")
            }
            return client
        }
    }

    /// The gateway at which this session lives.
    func home(of session: PlainMCP) async throws -> Int? {
        for (index, gateway) in gateways.enumerated() {
            var there = session
            there.port = gateway.port
            if try await onThread({ [there] in try there.post(PlainMCP.request("ping", id: 90)).status }) == 200 {
                return index
            }
        }
        return nil
    }

    /// Which gateways answered a request for this path with 2xx or 3xx.
    func places(of path: String) -> Set<Int> {
        Set(
            gateways.indices.filter { index in
                gateways[index].log.split(separator: "\n").contains {
                    $0.contains("request answered") && $0.contains("\"path\":\"\(path)\"")
                        && ($0.contains("\"status\":2") || $0.contains("\"status\":3"))
                }
            })
    }
}

extension String {
    /// Puts `other` in the place of a text that has to be there once.
    fileprivate func replacing(_ text: String, by other: String) throws -> String {
        let parts = components(separatedBy: text)
        try #require(parts.count == 2, "the example has one \(text)")
        return parts.joined(separator: other)
    }
}
