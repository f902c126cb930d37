import Foundation
import OAuth
import TestSupport
import Testing

@testable import Gateway

@Suite("Faults of servers", .timeLimit(.minutes(3)))
struct FaultTests {
    static let neighbours: [ServerDefinition] = [
        .python("bad", Script.server, timeout: .seconds(2)), .python("demo", Script.server),
    ]

    static func works(_ client: PlainMCP) async throws -> Bool {
        try await client.say("echo", id: Int.random(in: 100...9999), #"{"message":"ok"}"#).text == "ok"
    }

    @Test(
        "F03: everybody who waits for a dead server is told how it ended; the next session works",
        arguments: [
            ("exit", "exited with code 3"), ("kill", "killed by signal 9"),
        ])
    func death(mode: String, words: String) async throws {
        try await withBench(Self.neighbours) { bench in
            let bad = try await bench.open("/bad/mcp")
            let good = try await bench.open()
            async let waiting = bad.say("hang", id: 11)
            #expect(try await Self.works(bad))
            let begin = ContinuousClock.now
            let answer = try await bad.say(mode, id: 12)
            let time = ContinuousClock.now - begin
            #expect(time < .milliseconds(250), "\(time)")
            #expect(answer.errorCode == -32603 && answer.object["id"] as? Int == 12)
            #expect(answer.errorMessage?.contains(words) == true && answer.errorMessage?.contains("bad") == true)
            #expect(try await waiting.object["id"] as? Int == 11)
            #expect(try await bad.send(PlainMCP.request("ping", id: 1)).status == 404)
            #expect(try await Self.works(try await bench.open("/bad/mcp")))
            #expect(try await Self.works(good))
        }
    }

    @Test("F04: a call ends at its deadline with a code of ours; three in a row end the session")
    func hang() async throws {
        try await withBench(Self.neighbours) { bench in
            let bad = try await bench.open("/bad/mcp")
            let begin = ContinuousClock.now
            let answer = try await bad.say("hang", id: 1)
            let time = ContinuousClock.now - begin
            #expect(time > .milliseconds(1500) && time < .milliseconds(2500), "\(time)")
            #expect(answer.errorCode == 1001)
            #expect(try await bad.say("answers", id: 2).text?.contains("requestId") == true, "the server is told")
            async let first = bad.say("hang", id: 3)
            async let second = bad.say("hang", id: 4)
            async let third = bad.say("freeze", id: 5)
            for answer in [try await first, try await second, try await third] {
                #expect(answer.errorCode == 1001 || answer.errorCode == -32603)
            }
            #expect(try await bad.send(PlainMCP.request("ping", id: 1)).status == 404)
            #expect(try await Self.works(try await bench.open("/bad/mcp")))
        }
    }

    @Test("F05, P03: a flood of complaints is drained, its neighbour answers")
    func stderrFlood() async throws {
        try await withBench(Self.neighbours) { bench in
            let bad = try await bench.open("/demo/mcp", "bob")
            let good = try await bench.open()
            async let flooding = bad.say("flood-stderr", id: 1, #"{"kib":8192}"#)
            #expect(try await Self.works(good))
            #expect(try await flooding.text == "flooded")
        }
    }

    @Test("F05, M10: a reader that does not read holds back its own server, and is cut")
    func slowReader() async throws {
        try await withBench(Self.neighbours, change: { $0.limits.stallTimeout = .seconds(2) }) { bench in
            let bad = try await bench.open("/demo/mcp", "bob")
            let good = try await bench.open()
            let session = try #require(bench.gateway.directory.all.first { $0.principal.userName == "Bob" })
            // 20 MiB of notifications to somebody who reads the head only.
            let stalled = try await bad.streamed(PlainMCP.call("flood", id: 1, #"{"count":20000}"#))
            #expect(stalled.head.status == 200)
            for _ in 0..<20 { #expect(try await Self.works(good)) }
            let limit = bench.gateway.configuration.limits.undeliveredBytes
            try await eventuallyTrue("the server is held back") { await session.retainedBytes > limit }
            #expect(await session.retainedBytes < 2 * limit)
            // Cut after two seconds; then the call goes on into the bounded buffer.
            try await eventuallyTrue("the server is read again", within: .seconds(30), every: .milliseconds(200)) {
                try await Self.works(bad)
            }
            #expect(await session.retainedBytes <= 2 * limit)
            stalled.cut()
        }
    }

    @Test(
        "F06, P04: useless lines are discarded, the call is answered",
        arguments: [
            "00", "fffe00", "7b22", "6e756c6c", "5b5b5b5b", "7b7d", "313233",
            // A response to nobody, with a number and with a text.
            "7b226a736f6e727063223a22322e30222c226964223a3939392c22726573756c74223a7b7d7d",
            "7b226a736f6e727063223a22322e30222c226964223a2278222c22726573756c74223a7b7d7d",
        ])
    func garbage(hex: String) async throws {
        try await withBench { bench in
            let client = try await bench.open()
            #expect(try await client.say("raw", id: 1, #"{"hex":"\#(hex)"}"#).text == "after")
            #expect(try await client.say("twice", id: 2).text == "first")
            #expect(try await Self.works(client))
        }
    }

    @Test("P04: 100 useless lines in a row end the session, 99 do not; half and huge lines cost their own call")
    func muchGarbage() async throws {
        try await withBench(Self.neighbours) { bench in
            let bad = try await bench.open("/bad/mcp")
            let good = try await bench.open()
            #expect(try await bad.say("garbage", id: 1, #"{"lines":99,"text":"no"}"#).text == "after")
            #expect(try await good.say("huge", id: 2).text == "after")
            let half = try await bad.say("half-line", id: 3)
            #expect(half.errorCode == 1001)
            let other = try await bench.open("/bad/mcp")
            let answer = try await other.say("garbage", id: 1, #"{"lines":100,"text":"no"}"#)
            #expect(answer.errorCode == -32603, "\(answer.messages)")
            #expect(try await other.send(PlainMCP.request("ping", id: 1)).status == 404)
        }
    }

    @Test("F07: a server that closes a pipe is stopped and replaced", arguments: ["close-stdout", "close-stdin"])
    func closedPipes(mode: String) async throws {
        try await withBench(Self.neighbours) { bench in
            let bad = try await bench.open("/bad/mcp")
            let pid = try #require(Int32(try await bad.say("pid", id: 1).text ?? ""))
            let answer = try await bad.say(mode, id: 2)
            if mode == "close-stdout" { #expect(answer.errorCode == -32603) }
            let next = try await bad.say("echo", id: 3, "{}")
            #expect(next.errorCode != nil || next.status == 404)
            try await eventuallyTrue("the child is gone", within: .seconds(7)) { !ProcessTable.isAlive(pid) }
            #expect(try await Self.works(try await bench.open("/bad/mcp")))
        }
    }

    @Test("F08: a grandchild that keeps the pipe open is swept, descriptors come back")
    func grandchild() async throws {
        try await withBench(Self.neighbours) { bench in
            _ = try await bench.open("/bad/mcp")
            for _ in 0..<3 {
                let bad = try await bench.open("/bad/mcp")
                let answer = try await bad.say("grandchild", id: 1)
                let pid = try #require(Int32(answer.text ?? ""), "\(answer.messages)")
                try await eventuallyTrue("swept", within: .seconds(6)) { !ProcessTable.isAlive(pid) }
                #expect(try await bad.send(PlainMCP.request("ping", id: 1)).status == 404)
            }
            try await eventuallyTrue("slots come back", within: .seconds(5)) { bench.gateway.processCount == 1 }
        }
    }

    @Test("P05: a server that dies at start gets a clear error, then back-off; limits are 429 and 503")
    func startFailures() async throws {
        var few = ServerDefinition.python("few", Script.server, timeout: .seconds(3))
        few.maximumSessions = 2
        let servers: [ServerDefinition] = [
            .python("crash", Script.server, ["crash"]), few, ServerDefinition(name: "nothing", command: "/nonexistent"),
            .python("demo", Script.server),
        ]
        try await withBench(servers, change: { $0.limits.sessionsPerUser = 3 }) { bench in
            func start(_ path: String, _ token: String) async throws -> MCPAnswer {
                let port = bench.port
                return try await onThread {
                    var client = PlainMCP(port: port, path: path, token: token)
                    return try client.open()
                }
            }
            for path in ["/crash/mcp", "/nothing/mcp"] {
                let first = try await start(path, "alice")
                #expect(first.errorCode == -32603 && first.response.header("mcp-session-id") == nil)
                let second = try await start(path, "bob")
                #expect(second.status == 503 && second.response.header("retry-after") == "1", "\(second.status)")
            }
            try await eventuallyTrue("nothing is left") { bench.gateway.processCount == 0 }
            let (one, two) = (try await bench.open("/few/mcp"), try await bench.open("/few/mcp"))
            async let first = one.say("hang", id: 1)
            async let second = two.say("hang", id: 1)
            try await eventuallyTrue("both work") { await bench.gateway.openCalls == 2 }
            #expect(try await start("/few/mcp", "bob").status == 503)
            _ = try await start("/demo/mcp", "alice")
            let over = try await start("/demo/mcp", "alice")
            #expect(over.status == 429 && over.response.header("retry-after") != nil)
            #expect(try await start("/demo/mcp", "bob").status == 200)
            _ = (try await first, try await second)
        }
    }

    @Test(
        "P05: one user does not keep all places: who has fewer gets the one that was unused for the longest time",
        arguments: [true, false])
    func fewPlaces(atServer: Bool) async throws {
        var servers: [ServerDefinition] = [.python("demo", Script.server, timeout: .seconds(6))]
        servers.append(.python("other", Script.server))
        if atServer { servers[0].maximumSessions = 3 }
        try await withBench(servers, change: { if !atServer { $0.limits.sessions = 3 } }) { bench in
            let path = atServer ? "/demo/mcp" : "/other/mcp"
            // Where a server has no room, what is unused at another does not help.
            let elsewhere = atServer ? try await bench.open("/other/mcp", "bob") : nil
            // The first one has been at work for the longest time, the second one was used last.
            let first = try await bench.open("/demo/mcp", "bob")
            async let busy = first.say("hang", id: 1)
            try await eventuallyTrue("it works") { await bench.gateway.openCalls == 1 }
            let (fellow, idle) = (try await bench.open("/demo/mcp", "bob"), try await bench.open("/demo/mcp", "bob"))
            _ = try await fellow.say("pid", id: 1)
            let alice = try await bench.open(path)
            #expect(try await alice.say("echo", id: 1, #"{"message":"x"}"#).text == "x")
            #expect(bench.gateway.processCount == (atServer ? 4 : 3))
            if let elsewhere { #expect(try await elsewhere.send(PlainMCP.request("ping", id: 2)).status == 200) }
            #expect(try await idle.send(PlainMCP.request("ping", id: 2)).status == 404)
            #expect(try await fellow.send(PlainMCP.request("ping", id: 2)).status == 200)
            // Both have as many now, or nearly: nobody is displaced any more.
            let port = bench.port
            let second = try await onThread {
                var client = PlainMCP(port: port, path: path, token: "alice")
                return try client.open()
            }
            #expect(second.status == 503)
            #expect(try await busy.errorCode == 1001, "its call was not cut off")
        }
    }

    @Test("P05: a server that never answers initialize is given up")
    func slowStart() async throws {
        var never = ServerDefinition.python("never", Script.server, ["never"])
        never.startTimeout = .seconds(1)
        try await withBench([never]) { bench in
            let port = bench.port
            let answer = try await onThread {
                var client = PlainMCP(port: port, path: "/never/mcp", token: "alice")
                return try client.open()
            }
            #expect(answer.errorCode == -32603)
            try await eventuallyTrue("stopped", within: .seconds(6)) { bench.gateway.processCount == 0 }
        }
    }

    @Test("M02: an idle session ends, an absolute one too")
    func timeouts() async throws {
        var idle = ServerDefinition.python("demo", Script.server)
        idle.idleTimeout = .milliseconds(1500)
        idle.absoluteTimeout = .seconds(6)
        try await withBench([idle]) { bench in
            let listening = try await bench.open()
            let stream = try await listening.listen()
            let lazy = try await bench.open()
            try await eventuallyTrue("idle ends", within: .seconds(5)) { bench.gateway.sessionCount == 1 }
            #expect(try await lazy.send(PlainMCP.request("ping", id: 1)).status == 404)
            #expect(try await stream.rest().isEmpty, "the stream keeps it until the absolute end")
            #expect(try await listening.send(PlainMCP.request("ping", id: 1)).status == 404)
        }
    }

    @Test("F20: draining answers what is in flight, ends streams, refuses the new, stops the children")
    func drain() async throws {
        let bench = try await Bench(Self.neighbours)
        let client = try await bench.open()
        let stream = try await client.listen()
        async let short = client.say("sleep", id: 1, #"{"seconds":0.5}"#)
        async let long = client.say("hang", id: 2)
        try await Task.sleep(for: .milliseconds(200))
        async let drained: Void = bench.gateway.drain(within: .seconds(2))
        try await Task.sleep(for: .milliseconds(100))
        let port = bench.port
        let refused = try await onThread {
            var client = PlainMCP(port: port, path: "/demo/mcp", token: "bob")
            return try client.open()
        }
        #expect(refused.status == 503)
        #expect(try await short.text == "slept")
        let answer = try await long
        #expect(answer.errorCode == -32603 && answer.errorMessage?.contains("stopped") == true)
        #expect(try await stream.rest().isEmpty)
        await drained
        #expect(bench.gateway.processCount == 0)
        await bench.stop()
    }

    @Test("M05: two users with equal ids and random delays never see each other's answers")
    func soak() async throws {
        try await withBench(loopCount: 2) { bench in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for user in ["alice", "bob"] {
                    let client = try await bench.open("/demo/mcp", user)
                    for lane in 0..<16 {
                        group.addTask {
                            for round in 0..<Soak.rounds(250) {
                                let text = "\(user)-\(lane)-\(round)"
                                let answer = try await client.say("random", id: 1, #"{"message":"\#(text)"}"#)
                                try #require(answer.text == text && answer.object["id"] as? Int == 1)
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}

extension LegacySession {
    /// Bytes of events that are held, delivered or not.
    var retainedBytes: Int { streams.values.reduce(0) { $0 + $1.log.bytes } }
}

/// How long the soaks of M05 are: `SALLYPORT_TEST_SOAK` times as long as usual.
enum Soak {
    static func rounds(_ usual: Int) -> Int {
        usual * max(1, Int(ProcessInfo.processInfo.environment["SALLYPORT_TEST_SOAK"] ?? "") ?? 1)
    }
}
