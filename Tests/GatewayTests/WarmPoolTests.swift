import AsyncIO
import Foundation
import MCP
import OAuth
import TestSupport
import Testing

@testable import Gateway

/// Processes that stand started before anybody asks for one.
@Suite("Processes that stand ready", .timeLimit(.minutes(2)))
struct WarmPoolTests {
    /// A server whose processes can be found by `mark`.
    private static func server(
        _ mark: String, _ count: Int, _ isolation: Isolation = .session, script: String = Script.server,
        change: (inout ServerDefinition) -> Void = { _ in }
    ) -> [ServerDefinition] {
        var server = ServerDefinition.python("demo", script, [mark])
        server.isolation = isolation
        server.prespawned = count
        change(&server)
        return [server]
    }

    /// Processes of the server itself; its launchers do not name its arguments.
    private static func pids(_ mark: String) -> Set<Int32> { Set(ProcessTable.matching(mark)) }

    private static func standing(_ mark: String, _ count: Int) async throws -> Set<Int32> {
        try await eventually("\(count) stand ready") {
            let found = pids(mark)
            return found.count == count ? found : nil
        }
    }

    private static func pid(_ client: PlainMCP) async throws -> Int32 {
        try #require(Int32(try await client.say("pid", id: 9).text ?? ""))
    }

    @Test("P05: a session gets a process that stood ready, nobody gets it after that, and another takes its place")
    func sessions() async throws {
        let mark = "warm-sessions-\(UInt32.random(in: 0 ... .max))"
        let bench = try await Bench(Self.server(mark, 2))
        #expect(Self.pids(mark).isEmpty, "nothing starts by itself")
        await bench.gateway.begin()
        let first = try await Self.standing(mark, 2)
        #expect(bench.gateway.processCount == 2 && bench.gateway.sessionCount == 0)
        let token = try await bench.request("POST", "/demo/mcp", ["Content-Type": "application/json"], "{}")
        #expect(token.status == 401 && Self.pids(mark) == first, "without a token nothing is taken and nothing starts")
        let alice = try await bench.open()
        let one = try await Self.pid(alice)
        #expect(first.contains(one))
        let environment = try await alice.say("environment", id: 1).text ?? ""
        #expect(!environment.contains("SALLYPORT_USER") && !environment.contains("not for children"))
        _ = try await Self.standing(mark, 3)
        let bob = try await bench.open("/demo/mcp", "bob")
        let two = try await Self.pid(bob)
        #expect(first.contains(two) && two != one, "the oldest first")
        #expect(try await bob.say("echo", id: 1, #"{"message":"x"}"#).text == "x")
        for session in bench.gateway.directory.all where session.principal.userName == "Alice" {
            await session.finish(.deleted)
        }
        try await eventuallyTrue("a process that was used ends") { !ProcessTable.isAlive(one) }
        _ = try await Self.standing(mark, 3)
        await bench.stop()
        #expect(Self.pids(mark).isEmpty && bench.gateway.processCount == 0, "none outlives the gateway")
    }

    @Test("P05: sessions on several loops at once have a process each, of those that stood ready or not")
    func many() async throws {
        let mark = "warm-many-\(UInt32.random(in: 0 ... .max))"
        try await withBench(Self.server(mark, 3), loopCount: 2) { bench in
            await bench.gateway.begin()
            _ = try await Self.standing(mark, 3)
            let pids = try await withThrowingTaskGroup(of: Int32.self) { group in
                for number in 0..<8 {
                    group.addTask {
                        let client = try await bench.open("/demo/mcp", number % 2 == 0 ? "alice" : "bob")
                        for round in 0..<5 {
                            let text = "\(number)-\(round)"
                            let answer = try await client.say("echo", id: 1, #"{"message":"\#(text)"}"#)
                            try #require(answer.text == text)
                        }
                        return try await Self.pid(client)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(pids).count == 8)
            _ = try await Self.standing(mark, 11)
            #expect(bench.gateway.processCount == 11)
        }
    }

    @Test("P05: no more stand ready than may run, and they keep no session out")
    func places() async throws {
        let mark = "warm-places-\(UInt32.random(in: 0 ... .max))"
        try await withBench(Self.server(mark, 2) { $0.maximumSessions = 3 }) { bench in
            await bench.gateway.begin()
            _ = try await Self.standing(mark, 2)
            var clients: [PlainMCP] = []
            for _ in 0..<3 { clients.append(try await bench.open()) }
            #expect(bench.gateway.processCount == 3 && Self.pids(mark).count == 3)
            for client in clients { #expect(try await client.say("echo", id: 1, #"{"message":"x"}"#).text == "x") }
            for session in bench.gateway.directory.all { await session.finish(.deleted) }
            try await eventuallyTrue("they stand ready again") { bench.gateway.processCount == 2 }
        }
    }

    @Test("P01, P09: limits, environment and sandbox hold for what is started ahead")
    func confinement() async throws {
        let mark = "warm-confined-\(UInt32.random(in: 0 ... .max))"
        let servers = Self.server(mark, 1) {
            $0.limits.openFiles = 77
            if ChildProcess.Sandbox.obstacle == nil { $0.sandbox = .init() }
        }
        try await withBench(servers) { bench in
            await bench.gateway.begin()
            let pid = try #require(try await Self.standing(mark, 1).first)
            func proc(_ name: String) throws -> String {
                try String(contentsOfFile: "/proc/\(pid)/\(name)", encoding: .utf8)
            }
            let files = try proc("limits").split(separator: "\n").first { $0.hasPrefix("Max open files") }
            #expect(files?.split(separator: " ").contains("77") == true, "\(files ?? "")")
            #expect(try proc("status").contains("NoNewPrivs:\t1"))
            if ChildProcess.Sandbox.obstacle == nil { #expect(try proc("status").contains("Seccomp:\t2")) }
            #expect(try !proc("environ").contains("not for children"))
            #expect(try await Self.pid(try await bench.open()) == pid)
        }
    }

    @Test("P03, P05: what is complained at start holds up nobody, and what dies is replaced with growing pauses")
    func deaths() async throws {
        let folder = try TemporaryDirectory()
        let file = folder.file("starts")
        let script = #"""
            import sys, time
            for _ in range(256): sys.stderr.write("x" * 1023 + "\n")
            open(sys.argv[1], "a").write("%f\n" % time.monotonic())
            """#
        try await withBench([.python("demo", script, [file])], change: { $0.servers[0].prespawned = 1 }) { bench in
            await bench.gateway.begin()
            let times = try await eventually("three starts", within: .seconds(20)) { () -> [Double]? in
                let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
                let times = text.split(separator: "\n").compactMap { Double($0) }
                return times.count >= 3 ? times : nil
            }
            #expect(bench.gateway.processCount <= 1, "the dead have no places")
            #expect(times[1] - times[0] > 0.9 && times[2] - times[1] > 1.9, "\(times)")
        }
    }

    @Test("F03: one that is killed while it waits is replaced, and no session gets it")
    func killed() async throws {
        let mark = "warm-killed-\(UInt32.random(in: 0 ... .max))"
        try await withBench(Self.server(mark, 1)) { bench in
            await bench.gateway.begin()
            let old = try #require(try await Self.standing(mark, 1).first)
            kill(old, SIGKILL)
            try await eventuallyTrue("it is gone") { !ProcessTable.isAlive(old) }
            #expect(try await Self.pid(try await bench.open()) != old)
            try await eventuallyTrue("its place is taken", within: .seconds(10)) {
                Self.pids(mark).count == 2 && bench.gateway.processCount == 2
            }
        }
    }

    @Test("P05: one that is being started when the gateway stops does not stay")
    func stoppedAtOnce() async throws {
        let mark = "warm-stopped-\(UInt32.random(in: 0 ... .max))"
        let bench = try await Bench(Self.server(mark, 2))
        await bench.gateway.begin()
        await bench.stop()
        #expect(Self.pids(mark).isEmpty && bench.gateway.processCount == 0)
    }

    @Test("P05: what everybody shares is started ahead, stays without sessions, and is started again when it dies")
    func shared() async throws {
        let mark = "warm-shared-\(UInt32.random(in: 0 ... .max))"
        let bench = try await Bench(Self.server(mark, 1, .shared) { $0.idleTimeout = .seconds(1) })
        await bench.gateway.begin()
        let old = try #require(try await Self.standing(mark, 1).first)
        #expect(bench.gateway.processCount == 1)
        let (alice, bob) = (try await bench.open(), try await bench.open("/demo/mcp", "bob"))
        #expect(try await Self.pid(alice) == old)
        #expect(try await Self.pid(bob) == old)
        for session in bench.gateway.directory.all { await session.finish(.deleted) }
        let end = ContinuousClock.now + .milliseconds(1500)
        try await eventuallyTrue("nobody has used it for longer than it may be idle") { ContinuousClock.now > end }
        #expect(ProcessTable.isAlive(old))
        kill(old, SIGKILL)
        let next = try await eventually("another runs") { Self.pids(mark).subtracting([old]).first }
        #expect(try await Self.pid(try await bench.open()) == next)
        await bench.stop()
        #expect(Self.pids(mark).isEmpty && bench.gateway.processCount == 0)
    }
}
