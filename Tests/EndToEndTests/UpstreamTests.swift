import Crypto
import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Servers behind HTTP, of the libraries that people write them with.
    @Suite("Servers behind HTTP")
    struct Upstreams {
        /// A server by the library of an environment.
        struct Server: Sendable, CustomTestStringConvertible {
            let testDescription: String
            let environment: String
            let transport: String
            var path: String { transport == "sse" ? "/sse" : "/mcp" }
            /// Whether it speaks 2026-07-28 as well, where its library offers no way to ask in the middle of a call as before.
            var isOfBothEras: Bool { transport == "http" && environment != "legacy" }
        }

        static let all = [
            Server(testDescription: "Python SDK 1.x", environment: "legacy", transport: "http"),
            Server(testDescription: "Python SDK 1.x, HTTP+SSE", environment: "legacy", transport: "sse"),
            Server(testDescription: "Python SDK 2.x", environment: "current", transport: "http"),
            Server(testDescription: "Python SDK 2.x, HTTP+SSE", environment: "current", transport: "sse"),
            Server(testDescription: "FastMCP", environment: "fastmcp", transport: "http"),
            Server(testDescription: "FastMCP, HTTP+SSE", environment: "fastmcp", transport: "sse"),
        ]

        static func start(
            _ server: Server, port: Int, logs: TemporaryDirectory
        ) async throws -> RunningProgram {
            let program = try RunningProgram(
                Checkout.python(server.environment),
                [Checkout.client("http_server.py"), server.transport, "\(port)"],
                environment: GatewayProcess.environment(home: logs.path), logs: logs, name: "upstream")
            try await eventuallyTrue("the upstream to listen: \(program.errors)", within: .seconds(30)) {
                try await onThread { (try? PlainHTTP.exchange(port: port, "GET", "/", timeout: 1)) != nil }
            }
            return program
        }

        static var plan: [[String: Any]] {
            [
                ["tool": "echo", "arguments": ["message": "héllo \u{1F30D}\n\"line\""]],
                ["tool": "progress", "arguments": [:] as [String: Any]],
                ["tool": "elicit", "arguments": [:] as [String: Any]],
                ["tool": "fields", "arguments": [:] as [String: Any]],
            ]
        }

        static func check(_ report: Clients.Report, _ gateway: GatewayProcess, url: String, _ what: String) throws {
            #expect(Set(report.tools).isSuperset(of: ["echo", "progress", "elicit", "slow"]), "\(what)")
            #expect(report.text(0) == "héllo \u{1F30D}\n\"line\"", "\(what)")
            #expect(report.text(1) == "done" && report.progress(1).count >= 2, "\(what): \(report.progress(1))")
            #expect(report.text(2) == "hello elicited", "\(what): \(report.text(2))")
            let seen = try #require(
                try JSONSerialization.jsonObject(with: Data(report.text(3).utf8)) as? [String: String], "\(what)")
            #expect(seen["x-key"] == "k3y" && seen["x-user-name"] == EndToEnd.user, "\(what): \(seen)")
            #expect(seen["authorization"] == nil && seen["cookie"] == nil, "R03: \(what)")
            try checkStatement(seen["x-sallyport-identity"], seen["x-user-id"], gateway, url: url)
        }

        /// What an upstream does that wants proof.
        static func checkStatement(
            _ statement: String?, _ user: String?, _ gateway: GatewayProcess, url: String
        ) throws {
            let claims = try EndToEnd.claims(of: try #require(statement))
            #expect(claims["aud"] as? String == url && claims["sub"] as? String == user)
            #expect(claims["iss"] as? String == gateway.origin && claims["name"] as? String == EndToEnd.user)
            let life = (claims["exp"] as? Int ?? 0) - (claims["iat"] as? Int ?? 0)
            #expect(life > 0 && life <= 120)
        }

        @Test("real clients of every era reach real servers of every transport", arguments: all)
        func matrix(server: Server) async throws {
            let logs = try TemporaryDirectory("upstream")
            let port = try FreePort.find()
            let program = try await Self.start(server, port: port, logs: logs)
            defer { program.killTree() }
            let url = "http://127.0.0.1:\(port)\(server.path)"
            let far = "{url: \"\(url)\", headers: {X-Key: k3y}"
            let gateway = try await EndToEnd.gateway(
                "servers: {far: \(far)}, translated: \(far), era: legacy}}\nrate_limits: {registration: 1000/min}\n")
            for client in Clients.all {
                // A client of the modern era meets the server's own modern side, as it would without us; told that the server
                // is of the legacy era, the gateway translates its questions.
                let meetsModern =
                    server.isOfBothEras && ["auto", nil].contains(client.mode) && client.environment != "legacy"
                let path = meetsModern ? "/translated/mcp" : "/far/mcp"
                let report = try await Clients.run(client, gateway, path, Self.plan)
                try Self.check(report, gateway, url: url, client.testDescription)
                guard meetsModern else { continue }
                let plan = Self.plan.filter { $0["tool"] as? String != "elicit" }
                let direct = try await Clients.run(client, gateway, "/far/mcp", plan)
                #expect(direct.text(0) == "héllo \u{1F30D}\n\"line\"" && direct.text(1) == "done", "\(direct.results)")
                #expect(direct.text(2).contains("k3y"), "\(direct.results)")
            }
            #expect(!gateway.log.contains("k3y"), "O02")
        }

        @Test("the statement about the user verifies with the keys at /jwks, and opens nothing here")
        func statement() async throws {
            let logs = try TemporaryDirectory("upstream")
            let port = try FreePort.find()
            let program = try await Self.start(Self.all[0], port: port, logs: logs)
            defer { program.killTree() }
            let gateway = try await EndToEnd.gateway("servers: {far: {url: \"http://127.0.0.1:\(port)/mcp\"}}\n")
            let token = try await EndToEnd.logIn(gateway, to: "/far/mcp").tokens.access
            let session = try await EndToEnd.session(gateway, "/far/mcp", token: token)
            let answer = try await onThread { try session.call("fields", id: 1) }
            let seen = try #require(
                try JSONSerialization.jsonObject(with: Data((answer.text ?? "").utf8)) as? [String: String])
            let statement = try #require(seen["x-sallyport-identity"])
            let verdict = try await PythonClient.run(
                "identity_statement.py", in: "jose",
                ["token": statement, "jwks": "\(gateway.origin)/jwks", "audience": "http://127.0.0.1:\(port)/mcp"])
            #expect(verdict["sub"] as? String == seen["x-user-id"], "\(verdict)")
            let replay = try await onThread { [port = gateway.port] in
                try PlainMCP(port: port, path: "/far/mcp", token: statement).post(
                    PlainMCP.request("ping", id: 1))
            }
            #expect(replay.status == 401, "T04: it is no access token")
        }

        @Test(
            "a server that was stopped and started again serves the sessions that were there",
            arguments: [all[0], all[1]])
        func restart(server: Server) async throws {
            let logs = try TemporaryDirectory("upstream")
            let port = try FreePort.find()
            let first = try await Self.start(server, port: port, logs: logs)
            defer { first.killTree() }
            let gateway = try await EndToEnd.gateway(
                "servers: {far: {url: \"http://127.0.0.1:\(port)\(server.path)\"}}\n")
            let token = try await EndToEnd.logIn(gateway, to: "/far/mcp").tokens.access
            let session = try await EndToEnd.session(gateway, "/far/mcp", token: token)
            #expect(try await onThread { try session.call("echo", id: 1, #"{"message":"one"}"#) }.text == "one")
            first.killTree()
            try await eventuallyTrue("the gateway to notice") {
                let answer = try await onThread { try session.call("echo", id: 2, #"{"message":"gone"}"#) }
                return answer.errorCode == -32603 || answer.status == 404
            }
            let second = try await Self.start(server, port: port, logs: logs)
            defer { second.killTree() }
            try await eventuallyTrue("the server to be used again", within: .seconds(20)) {
                let answer = try await onThread { try session.call("echo", id: 3, #"{"message":"two"}"#) }
                if answer.text == "two" { return true }
                // The stream was the session: its client begins another.
                guard answer.status == 404 else { return false }
                guard let next = try? await EndToEnd.session(gateway, "/far/mcp", token: token) else { return false }
                return try await onThread { try next.call("echo", id: 3, #"{"message":"two"}"#) }.text == "two"
            }
            #expect(server.transport == "sse" || ProcessTable.descendants(of: gateway.pid).isEmpty)
        }

        @Test("/ready names a server that does not answer, and stays 200")
        func ready() async throws {
            let port = try FreePort.find()
            let gateway = try await EndToEnd.gateway("servers: {far: {url: \"http://127.0.0.1:\(port)/mcp\"}}\n")
            let token = try await EndToEnd.logIn(gateway, to: "/far/mcp").tokens.access
            try await eventuallyTrue("the circuit to open", within: .seconds(50)) {
                _ = try? await EndToEnd.session(gateway, "/far/mcp", token: token)
                return try await gateway.request("GET", "/ready").text.contains("far")
            }
            #expect(try await gateway.request("GET", "/ready").status == 200)
        }
    }
}
