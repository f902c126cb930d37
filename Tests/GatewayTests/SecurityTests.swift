import Foundation
import OAuth
import TestSupport
import Testing

@testable import Gateway

@Suite("Protected resource and sessions", .timeLimit(.minutes(2)))
struct SecurityTests {
    @Test("b4, b8, R01: no token is a challenge without error; query tokens do not count; two headers are 400")
    func noToken() async throws {
        try await withBench { bench in
            let fields = ["Accept": "application/json, text/event-stream", "Content-Type": "application/json"]
            let body = PlainMCP.request("initialize", id: 1)
            for path in ["/demo/mcp", "/demo/mcp?access_token=alice"] {
                for method in ["POST", "GET", "DELETE"] {
                    let answer = try await bench.request(method, path, fields, method == "POST" ? body : "")
                    let challenge = answer.header("www-authenticate") ?? ""
                    #expect(answer.status == 401, "\(method) \(path)")
                    #expect(
                        challenge.contains(
                            "resource_metadata=\"http://localhost:\(bench.port)/.well-known/oauth-protected-resource/demo/mcp\""
                        ))
                    #expect(challenge.contains("scope=\"mcp\"") && !challenge.contains("error"))
                }
            }
            // The older transport: its stream, and what is posted to it.
            for (method, path) in [("GET", "/demo/sse"), ("POST", "/demo/messages?session=x&access_token=alice")] {
                #expect(try await bench.request(method, path, fields, body).status == 401, "\(method) \(path)")
            }
            let basic = try await bench.request(
                "POST", "/demo/mcp", fields.merging(["Authorization": "Basic eA=="]) { $1 }, body)
            #expect(basic.status == 401)
            let port = bench.port
            let double = try await onThread {
                let connection = try PlainConnection(port: port)
                try connection.send(
                    "POST /demo/mcp HTTP/1.1\r\nHost: localhost:\(port)\r\nAuthorization: Bearer alice\r\nAuthorization: Bearer alice\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                )
                return String(decoding: try connection.receiveAll(), as: UTF8.self)
            }
            #expect(double.hasPrefix("HTTP/1.1 400 ") && double.contains("invalid_request"), "\(double)")
            #expect(bench.gateway.processCount == 0, "P05: nothing was started")
        }
    }

    @Test("R05, b5, b6: every scope that a token lacks is named at once, whatever is called, and nothing is started")
    func missingScopes() async throws {
        var guarded = ServerDefinition.python("demo", Script.server)
        guarded.requiredScopes = ["mcp", "notes:read", "notes:write"]
        try await withBench([guarded]) { bench in
            let fields = [
                "Accept": "application/json, text/event-stream", "Content-Type": "application/json",
                "Authorization": "Bearer alice",
            ]
            for (method, body) in [
                ("POST", PlainMCP.request("initialize", id: 1)), ("POST", PlainMCP.request("tools/list", id: 1)),
                ("POST", PlainMCP.request("tools/call", id: 1)), ("GET", ""),
            ] {
                let answer = try await bench.request(method, "/demo/mcp", fields, body)
                let challenge = answer.header("www-authenticate") ?? ""
                #expect(answer.status == 403 && challenge.contains("error=\"insufficient_scope\""), "\(challenge)")
                #expect(challenge.contains("scope=\"mcp notes:read notes:write\""), "\(challenge)")
                #expect(challenge.contains("resource_metadata=\"http://localhost:\(bench.port)/.well-known/"))
            }
            #expect(bench.gateway.processCount == 0)
        }
    }

    @Test("b9, R02, R04: a token for elsewhere, 2,000 random ones and an unreachable store never get through")
    func badTokens() async throws {
        let servers: [ServerDefinition] = [.python("demo", Script.server), .python("private", Script.server)]
        try await withBench(servers) { bench in
            var fields = ["Accept": "application/json, text/event-stream", "Content-Type": "application/json"]
            let body = PlainMCP.request("initialize", id: 1, #"{"protocolVersion":"2025-06-18","capabilities":{}}"#)
            fields["Authorization"] = "Bearer bob"
            let elsewhere = try await bench.request("POST", "/private/mcp", fields, body)
            #expect(elsewhere.status == 401 && elsewhere.header("www-authenticate")?.contains("invalid_token") == true)
            fields["Authorization"] = "Bearer down"
            let down = try await bench.request("POST", "/demo/mcp", fields, body)
            #expect(down.status == 503 && down.header("retry-after") != nil)
            let port = bench.port
            let statuses = try await onThread {
                let http = try PlainHTTP(port: port, host: "localhost:\(port)")
                var seen: Set<Int> = []
                for _ in 0..<2000 {
                    let length = Int.random(in: 0...60)
                    let junk = String((0..<length).map { _ in Character(UnicodeScalar(UInt8.random(in: 0x20...0x7E))) })
                    let scheme = ["Bearer ", "bearer ", "Basic ", ""].randomElement() ?? ""
                    try http.send(
                        "POST", "/demo/mcp", ["Authorization": scheme + junk, "Content-Type": "application/json"],
                        body: Array(body.utf8))
                    seen.insert(try http.receive().status)
                }
                return seen
            }
            #expect(statuses.isSubset(of: [400, 401]), "\(statuses)")
            #expect(bench.gateway.processCount == 0)
        }
    }

    @Test("a21, b9, R03: the client's token never reaches a server")
    func passthrough() async throws {
        try await withBench { bench in
            let client = try await bench.open("/demo/mcp", "alice-again")
            let meta = try await client.say("meta", id: 1)
            let environment = try await client.say("environment", id: 2)
            #expect(!meta.response.text.contains("alice-again") && !environment.response.text.contains("alice-again"))
        }
    }

    @Test("b1, b2, b3: metadata at every position, at the root only for a single resource")
    func metadata() async throws {
        try await withBench { bench in
            for path in [
                "/.well-known/oauth-protected-resource/demo/mcp", "/demo/mcp/.well-known/oauth-protected-resource",
                "/.well-known/oauth-protected-resource",
            ] {
                let document = try await bench.request("GET", path)
                #expect(document.status == 200)
                #expect(document.object["resource"] as? String == "http://localhost:\(bench.port)/demo/mcp")
                #expect(document.object["authorization_servers"] as? [String] == ["http://localhost:\(bench.port)"])
                #expect(document.object["scopes_supported"] as? [String] == ["mcp"])
                let numeric = try await bench.request("GET", path, ["Host": "127.0.0.1:\(bench.port)"])
                #expect(numeric.object["resource"] as? String == "http://127.0.0.1:\(bench.port)/demo/mcp")
            }
        }
        let two: [ServerDefinition] = [.python("a", Script.server), .python("b", Script.server)]
        try await withBench(two) { bench in
            let root = try await bench.request("GET", "/.well-known/oauth-protected-resource")
            #expect(root.status == 404)
            #expect(try await bench.request("GET", "/.well-known/oauth-protected-resource/b/mcp").status == 200)
        }
    }

    @Test("c1: a foreign Host is 421, a foreign Origin 403; allowed pages see what they need")
    func origins() async throws {
        try await withBench { bench in
            let client = try await bench.open()
            let ping = PlainMCP.request("ping", id: 1)
            #expect(try await client.send(ping, ["Host": "evil.test"]).status == 421)
            #expect(try await client.send(ping, ["Origin": "https://evil.test"]).status == 403)
            #expect(try await client.send(ping, ["Origin": "null"]).status == 403)
            for page in ["https://app.example.com", "http://localhost:6274", "http://127.0.0.1:6274"] {
                let answer = try await client.send(ping, ["Origin": page])
                #expect(answer.status == 200 && answer.response.header("access-control-allow-origin") == page)
                let exposed = answer.response.header("access-control-expose-headers") ?? ""
                #expect(exposed.contains("Mcp-Session-Id") && exposed.contains("WWW-Authenticate"))
                let preflight = try await bench.request(
                    "OPTIONS", "/demo/mcp", ["Origin": page, "Access-Control-Request-Method": "POST"])
                #expect(preflight.status == 204)
                let allowed = preflight.header("access-control-allow-headers")?.components(separatedBy: ", ") ?? []
                // What the gateway reads of a page's request: the beginning of a trace too.
                for name in ["Mcp-Session-Id", "Last-Event-ID", "Mcp-Method", "Mcp-Name", "traceparent", "tracestate"] {
                    #expect(allowed.contains(name), "\(name)")
                }
                #expect(!allowed.contains { $0.lowercased().hasPrefix("mcp-param") })
            }
            let page = ["Origin": "http://localhost:6274", "Access-Control-Request-Method": "POST"]
            let wanted = "authorization,mcp-param-region, Mcp-Param-Count,x-evil, mcp-param-a b"
            let preflight = try await bench.request(
                "OPTIONS", "/demo/mcp", page.merging(["Access-Control-Request-Headers": wanted]) { $1 })
            let allowed = preflight.header("access-control-allow-headers") ?? ""
            #expect(allowed.hasSuffix("tracestate, mcp-param-region, Mcp-Param-Count"), "c13: \(allowed)")
            let foreign = try await bench.request("OPTIONS", "/demo/mcp", ["Origin": "http://localhost.evil.test"])
            #expect(foreign.status == 403 && foreign.header("access-control-allow-origin") == nil)
        }
    }

    @Test("b11, M01: a session of another user or another client looks unknown, byte for byte, and lives on")
    func foreignSession() async throws {
        let servers: [ServerDefinition] = [.python("demo", Script.server), .python("other", Script.server)]
        try await withBench(servers) { bench in
            let alice = try await bench.open()
            var nobody = alice
            nobody.session = String(repeating: "B", count: 43)
            let unknown = try await nobody.send(PlainMCP.request("ping", id: 1))
            #expect(unknown.status == 404)
            for (token, path) in [("bob", "/demo/mcp"), ("alice-c2", "/demo/mcp"), ("alice", "/other/mcp")] {
                var thief = alice
                thief.token = token
                thief.path = path
                let post = try await thief.send(PlainMCP.request("ping", id: 1))
                #expect(post.status == 404 && post.response.text == unknown.response.text, "\(token) \(path)")
                #expect(try await thief.listen().head.status == 404)
                #expect(try await bench.request("DELETE", path, thief.headers).status == 404)
            }
            var refreshed = alice
            refreshed.token = "alice-again"
            #expect(try await refreshed.say("echo", id: 2, #"{"message":"still"}"#).text == "still")
        }
    }

    @Test("M03: a second GET does not replace the first")
    func secondStream() async throws {
        try await withBench { bench in
            let alice = try await bench.open()
            let first = try await alice.listen()
            #expect(try await alice.listen().head.status == 409)
            _ = try await alice.say("changed", id: 1)
            #expect(try await first.next()?.data?.contains("list_changed") == true)
            first.cut()
            try await eventuallyTrue("the stream is free again") {
                let again = try await alice.listen()
                defer { again.cut() }
                return again.head.status == 200
            }
        }
    }

    @Test("c54, c55, M04: a cut call goes on and is resumed by its owner in its session only")
    func resumption() async throws {
        try await withBench { bench in
            let alice = try await bench.open(version: "2025-11-25")
            let stream = try await alice.streamed(PlainMCP.call("progress", id: 31, #"{"pause":0.2}"#, token: "7"))
            let first = try #require(try await stream.next()?.id)
            stream.cut()
            let otherSession = try await bench.open(version: "2025-11-25")
            let bob = try await bench.open("/demo/mcp", "bob")
            #expect(try await otherSession.listen(lastEvent: first).head.status == 400)
            #expect(try await bob.listen(lastEvent: first).head.status == 400)
            #expect(try await alice.listen(lastEvent: first + "9").head.status == 400)
            let resumed = try await alice.listen(lastEvent: first)
            #expect(resumed.head.status == 200)
            let events = try await resumed.rest().compactMap(\.data)
            #expect(events.count == 4 && events.last?.contains(#""id": 31"#) == true, "\(events)")
            let again = try await alice.listen(lastEvent: first).rest().compactMap(\.data)
            #expect(again == events, "the buffer stays")
        }
    }

    @Test("M06: responses that nobody asked for are 400, also those to another session's question")
    func injectedResponses() async throws {
        try await withBench { bench in
            let alice = try await bench.open()
            let bob = try await bench.open("/demo/mcp", "bob")
            #expect(try await alice.send(#"{"jsonrpc":"2.0","id":1,"result":{"action":"accept"}}"#).status == 400)
            let stream = try await alice.streamed(PlainMCP.call("elicit", id: 5))
            let id = try #require(try await stream.next()?.object["id"] as? Int)
            #expect(try await bob.send(#"{"jsonrpc":"2.0","id":\#(id),"result":{"action":"accept"}}"#).status == 400)
            #expect(try await alice.send(#"{"jsonrpc":"2.0","id":"\#(id)","result":{}}"#).status == 400)
            #expect(try await alice.send(#"{"jsonrpc":"2.0","id":\#(id),"result":{"action":"decline"}}"#).status == 202)
            #expect(try await stream.rest().last?.data?.contains("decline") == true)
        }
    }

    @Test("M10: calls and streams of one principal are bounded; another is served")
    func floods() async throws {
        try await withBench(change: {
            $0.limits.callsPerPrincipal = 4
            $0.limits.streamsPerPrincipal = 2
        }) { bench in
            let bob = try await bench.open("/demo/mcp", "bob")
            let alice = try await bench.open()
            let statuses = try await withThrowingTaskGroup(of: MCPAnswer.self) { group in
                for id in 0..<12 { group.addTask { try await bob.say("sleep", id: id, #"{"seconds":1}"#) } }
                var counts: [Int: Int] = [:]
                while let answer = try await group.next() {
                    counts[answer.status, default: 0] += 1
                    if answer.status == 429 { #expect(answer.errorCode == 1002) }
                    // All that are refused have been: the others take every place that bob has.
                    if counts == [429: 8] {
                        #expect(try await alice.say("echo", id: 1, #"{"message":"a"}"#).text == "a")
                    }
                }
                return counts
            }
            #expect(statuses == [200: 4, 429: 8])
            #expect(try await bob.say("echo", id: 50, #"{"message":"b"}"#).text == "b")
            var streams: [Stream] = []
            for _ in 0..<3 { streams.append(try await bench.open("/demo/mcp", "bob").listen()) }
            #expect(streams.map(\.head.status) == [200, 200, 429])
        }
    }

    @Test("T08: streams and sessions of a revoked grant end")
    func revocation() async throws {
        try await withBench { bench in
            let alice = try await bench.open()
            let listening = try await alice.listen()
            let bob = try await bench.open("/demo/mcp", "bob")
            bench.revocations.revoke("g1")
            let watch = Task { await bench.gateway.watchRevocations() }
            defer { watch.cancel() }
            #expect(try await listening.rest().isEmpty)
            try await eventuallyTrue("the session is gone", within: .seconds(5)) {
                try await alice.send(PlainMCP.request("ping", id: 1)).status == 404
            }
            #expect(try await bob.say("echo", id: 1, #"{"message":"x"}"#).text == "x")
            await bench.gateway.revoke(.init("g4"))
            #expect(try await bob.send(PlainMCP.request("ping", id: 1)).status == 404)
        }
    }

    @Test("authentication none: everybody is anonymous, and there is no metadata")
    func bridge() async throws {
        try await withBench(protected: false) { bench in
            let client = try await bench.open("/demo/mcp", nil)
            #expect(try await client.say("echo", id: 1, #"{"message":"open"}"#).text == "open")
            #expect(try await bench.request("GET", "/.well-known/oauth-protected-resource/demo/mcp").status == 404)
        }
    }
}
