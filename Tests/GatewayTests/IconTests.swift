import AsyncIO
import Crypto
import Foundation
import HTTP
import JSON
import MCP
import Synchronization
import TestSupport
import Testing

@testable import Gateway

/// Icons of servers (mcp.md C15): at our own address, small, pictures, and fetched in nobody's name.
@Suite("Icons", .timeLimit(.minutes(2)))
struct IconTests {
    private static func bench(
        _ kind: [String] = [], _ body: (Bench, RemoteProcess) async throws -> Void
    ) async throws {
        try await withRemote(kind + ["icons"]) {
            $0.fields = [.init("Authorization", "Bearer ours")]
        } gateway: {
            $0.issuer = { "https://gateway.example" }
            $0.aggregate = AggregateConfiguration()
        } _: { bench, remote in
            try await body(bench, remote)
        }
    }

    /// The addresses of the icons of the first tool.
    private static func icons(_ list: MCPAnswer) -> [String] {
        let tools = list.result?["tools"] as? [[String: Any]]
        return (tools?.first?["icons"] as? [[String: Any]] ?? []).compactMap { $0["src"] as? String }
    }

    private static func place(_ address: String) -> String {
        String(address.dropFirst("https://gateway.example".count))
    }

    @Test("C15, c35: icons are at our address in lists of every era and at /mcp; what clients may not show is left out")
    func lists() async throws {
        for kind in [[], ["modern"]] {
            try await Self.bench(kind) { bench, _ in
                let client = try await RemoteTests.open(bench)
                let icons = Self.icons(try await client.demand("tools/list"))
                #expect(icons.count == 5, "\(icons)")
                #expect(icons.last == "data:image/png;base64,AAAA", "what is in the text itself stays")
                #expect(icons.dropLast().allSatisfy { $0.hasPrefix("https://gateway.example/icons?") }, "\(icons)")
                let modern = PlainModernMCP(port: bench.port, path: "/remote/mcp", token: "bob")
                #expect(Self.icons(try await modern.ask("tools/list")) == icons, "always the same")
                let all = try await bench.open("/mcp")
                #expect(Self.icons(try await all.demand("tools/list")) == icons)
                let list = try await client.demand("tools/list").messages.joined()
                #expect(!list.contains("elsewhere") && !list.contains("javascript") && list.contains("48x48"))
            }
        }
    }

    @Test(
        "C15: a server with a host of its own has its icons there, and no others; all of them are at the common address"
    )
    func hosts() async throws {
        let site = try HTTPURL("https://remote.gateway.example")
        func place(_ configuration: inout GatewayConfiguration) {
            configuration.issuer = { "https://gateway.example" }
            configuration.aggregate = AggregateConfiguration()
            for index in configuration.servers.indices {
                let name = configuration.servers[index].name
                configuration.servers[index].site = try? HTTPURL("https://\(name).gateway.example")
            }
        }
        try await withRemote(["icons"], protected: false, gateway: place) { bench, _ in
            func server(at site: HTTPURL) -> HTTPServer {
                var router = HTTPRouter()
                bench.gateway.register(at: site, on: &router)
                return HTTPServer(group: bench.loops, responder: router)
            }
            let (first, second) = (server(at: site), server(at: try HTTPURL("https://demo.gateway.example")))
            let own = try await first.start(on: .ip(.v4(0x7F00_0001), port: 0)).port
            let client = try await onThread {
                var client = PlainMCP(port: own, path: "/remote/mcp", token: nil, host: "remote.gateway.example")
                _ = try client.open()
                return client
            }
            let icons = Self.icons(try await client.demand("tools/list"))
            #expect(icons.count == 5)
            #expect(icons.dropLast().allSatisfy { $0.hasPrefix("\(site.origin)/icons?") }, "\(icons)")
            let all = Self.icons(try await bench.open("/mcp", nil).demand("tools/list"))
            #expect(all.dropLast().allSatisfy { $0.hasPrefix("https://gateway.example/icons?") }, "\(all)")
            func status(_ port: Int, _ host: String) async throws -> Int {
                let place = String(icons[0].dropFirst(site.origin.count))
                return try await onThread { try PlainHTTP.exchange(port: port, "GET", place, ["Host": host]).status }
            }
            #expect(try await status(own, "remote.gateway.example") == 200)
            #expect(try await status(own, "gateway.example") == 421)
            #expect(try await status(bench.port, "localhost:\(bench.port)") == 200)
            let other = try await second.start(on: .ip(.v4(0x7F00_0001), port: 0)).port
            #expect(try await status(other, "demo.gateway.example") == 404, "of another server")
            for server in [first, second] { await server.drain(within: .milliseconds(200)) }
        }
    }

    @Test("C15: with a free port icons are at the one that was bound")
    func freePort() throws {
        let port = Mutex(0)
        var configuration = GatewayConfiguration(
            hostPolicy: HostPolicy(publicURL: nil, listen: .ip(.v4(0x7F00_0001), port: 0), allowedOrigins: []),
            authentication: .none, servers: [])
        configuration.issuer = { "http://localhost:\(port.withLock { $0 })" }
        let addresses = try #require(IconAddresses(configuration))
        port.withLock { $0 = 4711 }
        let list =
            #"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a","icons":[{"src":"https://x.example/i.png"}]}]}}"#
        let message = try JSONRPCMessage(JSONDocument(parsing: Array(list.utf8)).root)
        let placed = addresses.placing(message, .toolsList, of: "demo", at: nil)
        #expect(String(decoding: placed.node.bytes, as: UTF8.self).contains(#""http://localhost:4711/icons?"#))
    }

    @Test("C15: an address counts for the server that it was made for, as long as that may show what is there")
    func owners() throws {
        let sealing = try #require(SealingKey([UInt8](repeating: 5, count: 32)))
        func addresses(_ origin: String) throws -> IconAddresses {
            var remote = ServerDefinition(name: "remote", command: "", arguments: [])
            remote.remote = RemoteEndpoint(url: try HTTPURL("\(origin)/mcp"))
            let programs = ["a", "b"].map { ServerDefinition(name: $0, command: "x", arguments: []) }
            var configuration = GatewayConfiguration(
                hostPolicy: HostPolicy(publicURL: nil, listen: .ip(.v4(0x7F00_0001), port: 0), allowedOrigins: []),
                authentication: .none, servers: programs + [remote])
            configuration.issuer = { "https://gateway.example/" }
            configuration.sealing = sealing
            return try #require(IconAddresses(configuration))
        }
        func query(_ made: IconAddresses, _ server: String, _ address: String) throws -> String {
            guard case .moved(let text) = made.placement(of: Array(address.utf8), server, at: "") else { return "" }
            return String(String(decoding: text.dropFirst().dropLast(), as: UTF8.self).dropFirst("/icons?".count))
        }
        func target(_ made: IconAddresses, _ query: String) throws -> String? {
            made.target(try FormParameters(parsing: Array(query.utf8)))?.server
        }
        let made = try addresses("https://one.example")
        let own = try query(made, "a", "https://x.example/i.png")
        #expect(try target(made, own) == "a")
        #expect(try target(made, own.replacing("s=a", with: "s=b")) == nil, "another server's")
        let there = try query(made, "remote", "https://one.example/i.png")
        #expect(try target(made, there) == "remote")
        #expect(try target(addresses("https://two.example"), there) == nil, "it has moved")
        let list =
            #"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a","icons":[{"src":"https://x.example/i"}]}]}}"#
        let message = try JSONRPCMessage(JSONDocument(parsing: Array(list.utf8)).root)
        let placed = made.placing(message, .toolsList, of: "a", at: nil)
        #expect(String(decoding: placed.node.bytes, as: UTF8.self).contains(#""https://gateway.example/icons?"#))
    }

    @Test("C15: what is fetched is a picture by what it holds, small, and asked for without credentials")
    func pictures() async throws {
        try await Self.bench { bench, remote in
            let client = try await RemoteTests.open(bench)
            let icons = Self.icons(try await client.demand("tools/list"))
            let good = try await bench.request("GET", Self.place(try #require(icons.first)))
            #expect(good.status == 200 && good.header("content-type") == "image/png")
            #expect(good.body.starts(with: [0x89, 0x50, 0x4E, 0x47]) && good.body.count == 18)
            #expect(good.header("x-content-type-options") == "nosniff")
            #expect(good.header("content-security-policy")?.contains("sandbox") == true)
            // A page under the name of a picture, a drawing that is a program, and one that is too large.
            for icon in icons.dropFirst().dropLast() {
                #expect(try await bench.request("GET", Self.place(icon)).status == 404, "\(icon)")
            }
            _ = try await bench.request("GET", Self.place(icons[0]))
            let asked = remote.seen.filter { $0.target.hasPrefix("/icon") }
            #expect(asked.map(\.target) == ["/icon.png", "/icon.html", "/icon.svg", "/icon.big"], "each once")
            #expect(asked.allSatisfy { $0.values("authorization").isEmpty && $0.values("cookie").isEmpty })
        }
    }

    @Test("C15, A15: only an address that we made is fetched, and only where its server may show what is there")
    func forged() async throws {
        try await Self.bench { bench, remote in
            let client = try await RemoteTests.open(bench)
            let icon = try #require(Self.icons(try await client.demand("tools/list")).first)
            let good = Self.place(icon)
            let code = try #require(good.firstMatch(of: /m=([^&]*)/)?.1)
            let address = try #require(good.firstMatch(of: /u=([^&]*)/)?.1)
            let forged = [
                good.replacing(code, with: String(repeating: "A", count: code.count)),
                good.replacing("m=\(code)", with: "m="),
                good.replacing(address, with: "aHR0cDovLzEyNy4wLjAuMS8"), good.replacing("s=remote", with: "s=demo"),
                "\(good)&u=\(address)", "/icons",
            ]
            for place in forged { #expect(try await bench.request("GET", place).status == 404, "\(place)") }
            #expect(!remote.seen.contains { $0.target.hasPrefix("/icon") }, "nobody is asked")
            let configuration = bench.gateway.configuration
            let addresses = try #require(IconAddresses(configuration))
            func placed(_ address: String, _ server: String) -> IconMessage.Placement {
                addresses.placement(of: Array(address.utf8), server, at: "https://gateway.example")
            }
            for wrong in [
                "javascript:alert(1)", "file:///etc/passwd", "http://example.com/x.png", "data:text/html,x",
                "https://user@example.com/x.png", "https://example.com/\(String(repeating: "x", count: 3000))", "",
            ] {
                #expect(placed(wrong, "demo") == .removed && placed(wrong, "remote") == .removed, "\(wrong)")
            }
            #expect(placed("https://example.com/x.png", "remote") == .removed, "not its own origin")
            // A program may show what anybody can see, but nothing inside.
            let canary = try CanaryServer()
            for host in ["127.0.0.1", "localhost", "[::1]"] {
                guard case .moved(let moved) = placed("https://\(host):\(canary.port)/icon.png", "demo") else {
                    Issue.record("it has no origin")
                    return
                }
                let text = String(decoding: moved.dropFirst().dropLast(), as: UTF8.self)
                #expect(try await bench.request("GET", Self.place(text)).status == 404)
            }
            #expect(canary.accepted == 0, "nobody inside is even connected to")
        }
    }
}
