import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// One request, from the head of its answer through the access log and the audit trail to what the server says meanwhile.
    @Suite("A request by its id")
    struct RequestsByID {
        private static func configuration(_ isolation: String, _ more: String = "") -> String {
            """
            servers:
              talk: {command: /usr/bin/python3, args: [\(Checkout.client("talkative.py"))], isolation: \(isolation)}
            logging: {format: json, level: {access: info}}
            \(more)

            """
        }

        private static func line(_ gateway: GatewayProcess, _ words: String...) async throws -> [String: Any] {
            try await eventually("a line with \(words): \(gateway.log.suffix(3000))") {
                let found = gateway.log.split(separator: "\n").filter { line in words.allSatisfy { line.contains($0) } }
                return try found.first.flatMap {
                    try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
                }
            }
        }

        /// Whose requests a line is about.
        private static func ids(_ line: [String: Any]) -> [String] {
            let text = (line["request_id"] ?? line["request_ids"]) as? String ?? ""
            return text.split(separator: " ").map(String.init)
        }

        private static func call(_ client: PlainMCP, _ tool: String, _ message: String, id: Int) async throws -> String
        {
            let answer = try await onThread {
                try client.call(tool, id: id, #"{"message":"\#(message)"}"#)
            }
            #expect(answer.text == message, "\(answer.messages)")
            return try #require(answer.response.header("x-request-id"))
        }

        @Test("a request is followed by its id from its answer through the access log to the server's standard error")
        func followed() async throws {
            let gateway = try await EndToEnd.gateway(Self.configuration("session"))
            let (client, tokens) = try await EndToEnd.logIn(gateway, to: "/talk/mcp")
            let session = try await EndToEnd.session(gateway, "/talk/mcp", token: tokens.access)
            let id = try await Self.call(session, "say", "marker-1", id: 1)
            let access = try await Self.line(gateway, #""module":"access""#, id)
            #expect(access["message"] as? String == "request answered" && access["level"] as? String == "info")
            #expect(access["method"] as? String == "POST" && access["path"] as? String == "/talk/mcp")
            #expect(access["status"] as? Int == 200 && access["bytes"] as? Int ?? 0 > 0)
            #expect(access["server"] as? String == "talk" && access["call"] as? String == "tools/call")
            #expect(access["tool"] as? String == "say" && access["client"] as? String == client)
            #expect((access["user"] as? String)?.hasPrefix("user_") == true && access["duration_ms"] is Double)
            #expect((access["remote_address"] as? String)?.hasPrefix("127.0.0.1:") == true)
            let said = try await Self.line(gateway, "stderr of the server", "say marker-1")
            #expect(Self.ids(said).first == id, "\(said)")
            let opening = try await Self.line(gateway, #""call":"initialize""#)
            let greeted = try await Self.line(gateway, "stderr of the server", "greeted")
            #expect(greeted["request_id"] as? String == opening["request_id"] as? String)
            let trail = try await gateway.command(["audit", "query", "--tool", "say", "--outcome", "success", "--json"])
            #expect(trail.output.contains(id), "\(trail.output)")
            #expect(try await gateway.command(["audit", "query", "--server", "other", "--json"]).output == "[]\n")
            // What is secret stands in queries.
            _ = try await gateway.request("GET", "/authorize?code_challenge=sesame&state=sesame")
            _ = try await Self.line(gateway, #""module":"access""#, "/authorize")
            #expect(!gateway.log.contains("sesame") && !gateway.log.contains(tokens.access))
        }

        @Test(
            "a line of a shared process names the requests of all sessions that it works on, and one at /mcp those of its own"
        )
        func shared() async throws {
            let gateway = try await EndToEnd.gateway(Self.configuration("shared"))
            let token = try await EndToEnd.logIn(gateway, to: "/talk/mcp").tokens.access
            let one = try await EndToEnd.session(gateway, "/talk/mcp", token: token)
            let two = try await EndToEnd.session(gateway, "/talk/mcp", token: token)
            let first = try await Self.call(one, "say", "alone", id: 1)
            let alone = try await Self.line(gateway, "stderr of the server", "say alone")
            #expect(Self.ids(alone).contains(first), "\(alone)")
            async let holding = onThread { try one.call("hold", id: 2) }
            let began = try await Self.line(gateway, "stderr of the server", "hold ")
            let second = try await Self.call(two, "say", "beside", id: 3)
            _ = try await Self.call(two, "release", "now", id: 4)
            let held = try await holding
            let id = try #require(held.response.header("x-request-id"))
            #expect(Self.ids(began).contains(id), "\(began)")
            let beside = try await Self.line(gateway, "stderr of the server", "say beside")
            let both = try #require(beside["request_ids"] as? String, "\(beside)")
            #expect(both.contains(id) && both.contains(second))
            let all = try await EndToEnd.logIn(gateway, to: "/mcp").tokens.access
            let aggregate = try await EndToEnd.session(gateway, "/mcp", token: all)
            let third = try await Self.call(aggregate, "talk__say", "through", id: 5)
            let through = try await Self.line(gateway, "stderr of the server", "say through")
            #expect(Self.ids(through).contains(third), "\(through)")
            let access = try await Self.line(gateway, #""module":"access""#, third)
            #expect(access["tool"] as? String == "talk__say")
        }

        @Test("at /mcp a server with processes of its own says whose request it works on")
        func aggregated() async throws {
            let gateway = try await EndToEnd.gateway(Self.configuration("session"))
            let token = try await EndToEnd.logIn(gateway, to: "/mcp").tokens.access
            let session = try await EndToEnd.session(gateway, "/mcp", token: token)
            let id = try await Self.call(session, "talk__say", "through", id: 5)
            let through = try await Self.line(gateway, "stderr of the server", "say through")
            #expect(Self.ids(through).contains(id), "\(through)")
        }

        @Test("without being asked for there is no access log, and requests have their ids all the same")
        func silent() async throws {
            let plain = Self.configuration("session", "storage: memory")
            let gateway = try GatewayProcess(
                configuration: plain.replacing("level: {access: info}", with: "level: info"))
            try await gateway.start()
            #expect(try await gateway.request("GET", "/live").header("x-request-id")?.count == 24)
            try await gateway.logs("no audit trail is kept")
            try await gateway.terminate()
            #expect(!gateway.log.contains("request answered"))
        }
    }
}
