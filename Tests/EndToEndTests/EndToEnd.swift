import Crypto
import Foundation
import TestSupport
import Testing

/// The built program with real clients, servers and browsers.
///
/// Serialized: these tests measure answers in milliseconds and start whole process trees on the same machine.
@Suite("End to end", .serialized)
enum EndToEnd {
    static let user = "alice"
    static let password = "correct horse battery"

    /// A started gateway with one local account.
    static func gateway(
        _ configuration: String? = nil, fileName: String = "sallyport.yaml", environment: [String: String] = [:]
    ) async throws -> GatewayProcess {
        let gateway = try GatewayProcess(configuration: configuration, fileName: fileName, environment: environment)
        try await gateway.start()
        try await gateway.addUser(user, password: password)
        return gateway
    }

    /// A public client and a pair of tokens for `path`.
    static func logIn(
        _ gateway: GatewayProcess, to path: String = "/demo/mcp", as name: String = user, _ secret: String = password
    ) async throws -> (client: String, tokens: TokenPair) {
        let walk = OAuthWalk(port: gateway.port, user: name, password: secret, resource: path)
        return try await onThread { try walk.logIn() }
    }

    /// The walk of `user` for `path`.
    static func walk(_ gateway: GatewayProcess, to path: String = "/demo/mcp") -> OAuthWalk {
        OAuthWalk(port: gateway.port, user: user, password: password, resource: path)
    }

    /// An initialized MCP session.
    static func session(
        _ gateway: GatewayProcess, _ path: String = "/demo/mcp", token: String, version: String = "2025-06-18",
        capabilities: String = "{}"
    ) async throws -> PlainMCP {
        let port = gateway.port
        return try await onThread {
            try PlainMCP.opened(port: port, path: path, token: token, version: version, capabilities: capabilities)
        }
    }

    /// What an access token of ours says.
    static func claims(of token: String) throws -> [String: Any] {
        let part = token.split(separator: ".").dropFirst().first.map(String.init) ?? ""
        let bytes = Base64URL.decode(part) ?? []
        return try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    }

    /// The demo server, and registration without the limit that a single address has.
    static let busy = """
        servers:
          demo: {command: \(Checkout.binary), args: [demo-server]}
        rate_limits: {registration: 10000/min}

        """

    /// The YAML of servers that misbehave on command, by name and extra arguments.
    static func hostile(_ servers: [String: [String]] = ["bad": []], settings: String = "") -> String {
        let lines = servers.sorted { $0.key < $1.key }.map { name, arguments in
            let words = ([Checkout.client("hostile.py")] + arguments).map { "\"\($0)\"" }.joined(separator: ", ")
            return "  \(name): {command: /usr/bin/python3, args: [\(words)]\(settings)}"
        }
        return "servers:\n  demo: {command: \(Checkout.binary), args: [demo-server]}\n"
            + lines.joined(separator: "\n") + "\n"
    }
}
