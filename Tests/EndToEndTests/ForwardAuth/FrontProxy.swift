import Foundation
import TestSupport
import Testing

/// A real reverse proxy that asks `/verify`, configured as docs/forward-auth.md and Examples/behind-traefik say.
///
/// By name it is two hosts on one port: `localhost` is the authorization server, `127.0.0.1` the MCP server.
enum FrontProxy: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case traefik, nginx, caddy

    var testDescription: String { rawValue }

    /// Where everything listens.
    struct Ports: Sendable {
        let front: Int
        let sallyport: Int
        let upstream: Int
        let raw: Int

        init() throws {
            var found: Set<Int> = []
            while found.count < 4 { found.insert(try FreePort.find()) }
            let all = Array(found)
            (front, sallyport, upstream, raw) = (all[0], all[1], all[2], all[3])
        }
    }

    /// Starts it.
    func start(_ ports: Ports, in directory: TemporaryDirectory) throws -> RunningProgram {
        let words: [String]
        switch self {
        case .traefik:
            let file = try directory.write("routes.yaml", try ComposeLabels.traefikRoutes(ports))
            words = [
                Checkout.pythonProgram("traefik", in: "proxies"),
                "--entrypoints.websecure.address=127.0.0.1:\(ports.front)",
                "--providers.file.filename=\(file)", "--log.level=ERROR", "--global.checknewversion=false",
            ]
        case .nginx:
            words = try ProxyFrame.nginx(nginx(ports), in: directory)
        case .caddy:
            words = try ProxyFrame.caddy(caddy(ports), in: directory)
        }
        return try ProxyFrame.start(words, in: directory, name: rawValue)
    }

    /// The configuration that docs/forward-auth.md prints after the heading of this proxy.
    private func documented() throws -> String {
        let text = try String(contentsOfFile: Checkout.root + "/docs/forward-auth.md", encoding: .utf8)
        let parts = text.components(separatedBy: self == .nginx ? "## nginx\n" : "## Caddy\n")
        let blocks = parts.last?.components(separatedBy: "```") ?? []
        guard blocks.count > 1 else {
            throw PlainBrowser.WalkError(description: "no configuration of \(self) in the docs")
        }
        return blocks[1].split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false).last.map(String.init)
            ?? ""
    }

    private func nginx(_ ports: Ports) throws -> String {
        let listen = "listen 127.0.0.1:\(ports.front);\n    server_name"
        let servers = try documented()
            .replacingOccurrences(of: "server_name auth.example.com", with: "\(listen) localhost")
            .replacingOccurrences(of: "server_name fetch.example.com", with: "\(listen) 127.0.0.1")
            .replacingOccurrences(of: "127.0.0.1:8080", with: "127.0.0.1:\(ports.sallyport)")
            .replacingOccurrences(of: "127.0.0.1:3000", with: "127.0.0.1:\(ports.upstream)")
        // The same location once more, before the socket that keeps bytes.
        let start = servers.range(of: "    location /mcp {")?.lowerBound ?? servers.startIndex
        let end = servers.range(of: "    location = /_verify")?.lowerBound ?? servers.endIndex
        let raw = servers[start..<end].replacingOccurrences(of: "location /mcp", with: "location /raw")
            .replacingOccurrences(of: ":\(ports.upstream)", with: ":\(ports.raw)")
        return servers.replacingCharacters(in: end..<end, with: raw)
    }

    private func caddy(_ ports: Ports) throws -> String {
        let sites = try documented()
            .replacingOccurrences(of: "auth.example.com", with: "http://localhost:\(ports.front)")
            .replacingOccurrences(of: "fetch.example.com", with: "http://127.0.0.1:\(ports.front)")
            .replacingOccurrences(of: "127.0.0.1:8080", with: "127.0.0.1:\(ports.sallyport)")
            .replacingOccurrences(of: "127.0.0.1:3000", with: "127.0.0.1:\(ports.upstream)")
        let start = sites.range(of: "\thandle /mcp*")?.lowerBound ?? sites.startIndex
        let raw = sites[start...].replacingOccurrences(of: "/mcp*", with: "/raw*")
            .replacingOccurrences(of: ":\(ports.upstream)", with: ":\(ports.raw)")
        // The block ends the site, so its last brace is the site's.
        return String(sites[..<start]) + raw.trimmingCharacters(in: .whitespacesAndNewlines).dropLast()
            + sites[start...]
    }
}
