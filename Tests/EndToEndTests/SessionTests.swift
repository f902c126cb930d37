import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Sessions and streams of the legacy revisions, from outside.
    @Suite("Sessions and streams")
    struct Sessions {
        /// Two users, each with a client, a token and a session on the demo server.
        struct Bench {
            let gateway: GatewayProcess
            let alice: PlainMCP
            let bob: PlainMCP
        }

        static func bench() async throws -> Bench {
            let gateway = try await EndToEnd.gateway()
            try await gateway.addUser("bob", password: "bob's long password")
            let alice = try await EndToEnd.logIn(gateway).tokens.access
            let bob = try await EndToEnd.logIn(gateway, as: "bob", "bob's long password").tokens.access
            return Bench(
                gateway: gateway, alice: try await EndToEnd.session(gateway, token: alice),
                bob: try await EndToEnd.session(gateway, token: bob))
        }

        @Test("c50, c52: each legacy version is echoed, a nonsense one answered with a served one")
        func versions() async throws {
            let gateway = try await EndToEnd.gateway()
            let token = try await EndToEnd.logIn(gateway).tokens.access
            let port = gateway.port
            for version in ["2025-03-26", "2025-06-18", "2025-11-25", "1999-01-01"] {
                let answer = try await onThread {
                    var client = PlainMCP(port: port, path: "/demo/mcp", token: token)
                    client.version = version
                    return try client.open()
                }
                let served = answer.result?["protocolVersion"] as? String
                #expect(served == (version == "1999-01-01" ? "2025-11-25" : version), "\(answer.messages)")
            }
            var client = try await EndToEnd.session(gateway, token: token)
            let wrong = try await onThread { [client] in
                try client.post(PlainMCP.request("ping", id: 3), ["MCP-Protocol-Version": "1999-01-01"])
            }
            #expect(wrong.status == 400)
            client.session = nil
            let missing = try await onThread { [client] in try client.post(PlainMCP.request("ping", id: 4)) }
            #expect(missing.status == 400, "c51: no session header is 400, was \(missing.status)")
        }

        @Test(
            "c5, M05: request ids come back exactly as they went",
            arguments: ["1", "\"1\"", "9007199254740993", "\"ü\""])
        func exactIDs(id: String) async throws {
            let gateway = try await EndToEnd.gateway()
            let token = try await EndToEnd.logIn(gateway).tokens.access
            let client = try await EndToEnd.session(gateway, token: token)
            let answer = try await onThread {
                try client.post(#"{"jsonrpc":"2.0","id":\#(id),"method":"ping"}"#)
            }
            let text = try #require(answer.messages.last)
            #expect(text.replacingOccurrences(of: " ", with: "").contains("\"id\":\(id)"), "\(text)")
        }

        @Test("M01: a session id used by someone else is as unknown as no session, and the session lives on")
        func foreignSession() async throws {
            let bench = try await Self.bench()
            var thief = bench.bob
            thief.session = bench.alice.session
            var nobody = bench.bob
            nobody.session = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
            let (stolen, unknown) = (thief, nobody)
            let post = try await onThread { try stolen.post(PlainMCP.request("tools/list", id: 2)) }
            let other = try await onThread { try unknown.post(PlainMCP.request("tools/list", id: 2)) }
            #expect(post.status == 404 && other.status == 404)
            #expect(post.response.text == other.response.text)
            let stream = try await onThread { try StreamBox(stolen.stream()).status }
            #expect(stream == 404)
            let removal = try await bench.gateway.request("DELETE", "/demo/mcp", stolen.headers)
            #expect(removal.status == 404)
            let alive = try await ChildFaults.call(bench.alice, "echo", id: 3, #"{"message":"mine"}"#)
            #expect(alive.text?.contains("mine") == true, "\(alive.messages)")
        }

        @Test("M02: session ids are unguessable and the client does not choose them")
        func sessionIDs() async throws {
            let gateway = try await EndToEnd.gateway()
            let token = try await EndToEnd.logIn(gateway).tokens.access
            var seen: Set<String> = []
            for _ in 0..<10 {
                let id = try #require(try await EndToEnd.session(gateway, token: token).session)
                #expect(id.utf8.allSatisfy { (0x21...0x7E).contains($0) } && id.utf8.count >= 22)
                #expect(!gateway.log.contains(id), "session ids are not logged")
                seen.insert(id)
            }
            #expect(seen.count == 10)
        }

        @Test("M03: a second GET stream never takes the first one's messages")
        func secondStream() async throws {
            let bench = try await Self.bench()
            let alice = bench.alice
            let first = try await onThread { try StreamBox(alice.stream()) }
            #expect(first.status == 200)
            let second = try await onThread { try StreamBox(alice.stream()).status }
            #expect(second == 409 || second == 200)
            let answer = try await ChildFaults.call(alice, "echo", id: 4, #"{"message":"x"}"#)
            #expect(answer.text?.contains("x") == true)
        }

        @Test("M06: a response nobody asked for is refused, and so is a batch")
        func uninvited() async throws {
            let bench = try await Self.bench()
            let alice = bench.alice
            let response = try await onThread {
                try alice.post(#"{"jsonrpc":"2.0","id":77,"result":{"action":"accept"}}"#)
            }
            #expect(response.status == 400, "\(response.status)")
            let batch = try await onThread {
                try alice.post(#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"method":"ping"}]"#)
            }
            #expect(batch.status == 400)
            let old = try await EndToEnd.session(bench.gateway, token: alice.token ?? "", version: "2025-03-26")
            let accepted = try await onThread {
                try old.post(#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"method":"ping"}]"#)
            }
            #expect(accepted.status == 200, "c56: \(accepted.status) \(accepted.messages)")
        }

        @Test("c54: a cut stream is resumed with Last-Event-ID and the call's answer is there")
        func resumption() async throws {
            let gateway = try await EndToEnd.gateway()
            let token = try await EndToEnd.logIn(gateway).tokens.access
            let client = try await EndToEnd.session(gateway, token: token, version: "2025-11-25")
            let call = PlainMCP.call("progress", id: 31, #"{"steps":4,"seconds":1}"#, token: "7")
            let stream = try await onThread { try StreamBox(client.stream("POST", body: call)) }
            #expect(stream.status == 200 && stream.head.isEventStream)
            #expect(stream.head.header("x-accel-buffering") == "no")
            let first = try #require(try await onThread { try stream.next() })
            let last = try #require(first.id, "events carry ids: \(first)")
            stream.cut()
            let resumed = try await onThread { try StreamBox(client.stream(lastEvent: last)) }
            #expect(resumed.status == 200)
            let end = try await onThread {
                while let event = try resumed.next() {
                    if let data = event.data, data.contains("\"result\"") { return data }
                }
                return "the stream ended without the answer"
            }
            #expect(end.contains("31") && end.contains("\"result\""), "\(end)")
        }

        @Test("M04: another session's Last-Event-ID brings nothing foreign")
        func foreignResumption() async throws {
            let bench = try await Self.bench()
            let (alice, bob) = (bench.alice, bench.bob)
            let call = PlainMCP.call("progress", id: 41, #"{"steps":4,"seconds":1}"#, token: "8")
            let stream = try await onThread { try StreamBox(alice.stream("POST", body: call)) }
            let event = try #require(try await onThread { try stream.next()?.id })
            let stolen = try await onThread {
                let box = try StreamBox(bob.stream(lastEvent: event, timeout: 1))
                guard box.status == 200 else { return "\(box.status)" }
                do {
                    return try box.next()?.data ?? "end"
                } catch PlainConnectionError.timedOut {
                    return "nothing"
                }
            }
            #expect(!stolen.contains("progress") && !stolen.contains("result"), "\(stolen)")
        }

        @Test("c51: DELETE ends the session; it is 404 afterwards")
        func deletion() async throws {
            let bench = try await Self.bench()
            let removal = try await bench.gateway.request("DELETE", "/demo/mcp", bench.alice.headers)
            #expect((200..<300).contains(removal.status))
            let alice = bench.alice
            let after = try await onThread { try alice.post(PlainMCP.request("ping", id: 2)) }
            #expect(after.status == 404)
        }

        @Test("M10: too many calls at once are answered 429, another user is served")
        func callFlood() async throws {
            let bench = try await Self.bench()
            let (alice, bob) = (bench.alice, bench.bob)
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<160 {
                    group.addTask {
                        try await onThread { try bob.call("sleep", id: 1000 + number, #"{"seconds":3}"#).status }
                    }
                }
                group.addTask { try await onThread { try alice.call("echo", id: 2, #"{"message":"a"}"#).status } }
                return try await group.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
            }
            #expect(statuses[429, default: 0] > 0, "\(statuses)")
            #expect(statuses[200, default: 0] >= 100, "\(statuses)")
            #expect(statuses.keys.allSatisfy { $0 == 200 || $0 == 429 }, "\(statuses)")
        }
    }
}
