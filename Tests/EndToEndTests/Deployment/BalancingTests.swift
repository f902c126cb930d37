import Foundation
import Synchronization
import TestSupport
import Testing

extension EndToEnd {
    /// What Examples/two-machines says of two gateways behind one proxy.
    @Suite("Balancing over two gateways", .timeLimit(.minutes(4)))
    struct Balancing {
        /// Enough that no hash sends all of them to one machine.
        static let sources = (2..<18).map { "127.0.0.\($0)" }

        @Test(
            "a real client without sessions logs in, calls, is asked and refreshes while two gateways take turns",
            arguments: BalancedGateways.Proxy.allCases)
        func turns(proxy: BalancedGateways.Proxy) async throws {
            let balanced = try await BalancedGateways(proxy, .inTurn)
            defer { balanced.stop() }
            let paths = ["/register", "/authorize", "/token", "/modern/mcp"]
            for round in 0..<6 {
                let report = try await PythonClient.run(
                    "sdk_current.py", in: "current",
                    [
                        "url": "http://localhost:\(balanced.port)/modern/mcp", "user": EndToEnd.user,
                        "password": EndToEnd.password, "mode": "auto", "refresh": true,
                        "plan": [
                            ["tool": "add", "arguments": ["a": 2, "b": 40]],
                            ["tool": "elicit", "arguments": [:] as [String: Any]],
                            ["tool": "whoami", "arguments": [:] as [String: Any]],
                        ],
                    ])
                let results = report["results"] as? [[String: Any]] ?? []
                let texts = results.map { $0["text"] as? String ?? "" }
                #expect(report["protocol"] as? String == "2026-07-28")
                #expect(texts.count == 3 && texts[0].contains("42") && texts[1].contains("accept"), "\(report)")
                #expect(texts.last?.contains(EndToEnd.user) == true, "\(report)")
                #expect(report["rotated"] as? Bool == true && report["walks"] as? Int == 1, "\(report)")
                // A client sends the same number of requests each time: one more, and each falls to the other gateway.
                if round % 2 == 0 {
                    _ = try await balanced.ask("/live")
                }
                if paths.allSatisfy({ balanced.places(of: $0).count == 2 }) { break }
            }
            for path in paths { #expect(balanced.places(of: path) == [0, 1], "\(path)") }
            let numbers = try await balanced.ask("/metrics")
            #expect(numbers.status == 404, "they are for whoever runs it")
        }

        @Test(
            "c51: sessions stay where they began, over a refresh too; at the other gateway they are 404, and begin again",
            arguments: BalancedGateways.Proxy.allCases)
        func sessions(proxy: BalancedGateways.Proxy) async throws {
            let balanced = try await BalancedGateways(proxy, .byAddress)
            defer { balanced.stop() }
            let (client, first) = try await balanced.logIn()
            var tokens = first
            var homes: [Int] = []
            for source in Self.sources {
                var session = try await balanced.session(tokens.access, from: source)
                for number in 1...3 {
                    if number == 2 {
                        let answer = try await onThread { [walk = balanced.walk, old = tokens.refresh, client] in
                            try walk.refresh(old, client: client)
                        }
                        tokens = try OAuthWalk.pair(in: answer)
                        session.token = tokens.access
                    }
                    let answer = try await ChildFaults.call(session, "echo", id: number, #"{"message":"here"}"#)
                    #expect(answer.text?.contains("here") == true, "\(source): \(answer.status) \(answer.messages)")
                }
                homes.append(try #require(try await balanced.home(of: session), "\(source)"))
                guard source == Self.sources.last else { continue }
                // What a client does that is sent elsewhere after all.
                session.port = balanced.gateways[1 - homes[homes.count - 1]].port
                let lost = try await onThread { [session] in try session.post(PlainMCP.request("ping", id: 9)) }
                #expect(lost.status == 404, "\(lost.status)")
                let again = try await onThread { [session] in
                    var session = session
                    _ = try session.open()
                    return try session.post(PlainMCP.request("ping", id: 10)).status
                }
                #expect(again == 200)
            }
            #expect(Set(homes) == [0, 1], "both have some: \(homes)")
            let report = try await PythonClient.run(
                "sdk_legacy.py", in: "legacy",
                [
                    "url": "http://localhost:\(balanced.port)/demo/mcp", "user": EndToEnd.user,
                    "password": EndToEnd.password, "refresh": true,
                    "plan": [["tool": "add", "arguments": ["a": 2, "b": 40]]],
                ])
            #expect("\(report["results"] ?? "")".contains("42"), "\(report)")
        }

        /// How a gateway goes.
        enum End: String, CaseIterable, CustomTestStringConvertible {
            case killed, drained
            var testDescription: String { rawValue }
        }

        @Test(
            "F20: one gateway goes under load, the other serves everybody on with the tokens that they have",
            arguments: BalancedGateways.Proxy.allCases, End.allCases)
        func loss(proxy: BalancedGateways.Proxy, end: End) async throws {
            let balanced = try await BalancedGateways(proxy, .byAddress)
            defer { balanced.stop() }
            let (client, tokens) = try await balanced.logIn()
            var sessions: [PlainMCP] = []
            var homes: [Int?] = []
            for source in Self.sources {
                sessions.append(try await balanced.session(tokens.access, from: source))
                homes.append(try await balanced.home(of: sessions[sessions.count - 1]))
            }
            let leaver = balanced.gateways[1]
            let away = try #require(homes.firstIndex(of: 1), "\(homes)")
            let load = Load(balanced, tokens.access)
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for worker in 0..<Load.workers { tasks.addTask { try await load.run(worker) } }
                defer { load.isOver.store(true, ordering: .relaxed) }
                try await load.waitForMore(100)
                switch end {
                case .killed: try await leaver.killHard()
                case .drained: try await drain(leaver, calling: sessions[away])
                }
                let gone = ContinuousClock.now
                try await load.waitForMore(100)
                load.isOver.store(true, ordering: .relaxed)
                try await tasks.waitForAll()
                let calls = load.calls.all
                let late = calls.filter { $0.status != 200 && $0.began >= gone }
                #expect(late.isEmpty, "\(late.prefix(3))")
                // Whose call the dead one had in hand hears of it; nobody, when it went in order and the proxy looks further
                // for who answers.
                let heard = end == .killed || proxy == .caddy ? 2 * Load.workers : 0
                let failures = load.failures
                #expect(
                    failures.count <= heard, "\(failures.count) \(failures.prefix(3)) \(balanced.complaints)")
            }
            for (session, home) in zip(sessions, homes) {
                let status = try await onThread { try session.post(PlainMCP.request("ping", id: 20)).status }
                #expect(status == (home == 0 ? 200 : 404), "\(session.source ?? "") was at \(home ?? -1)")
                guard status == 404 else { continue }
                let again = try await balanced.session(tokens.access, from: session.source ?? "")
                let answer = try await ChildFaults.call(again, "echo", id: 1, #"{"message":"again"}"#)
                #expect(answer.text?.contains("again") == true, "\(answer.messages)")
            }
            let walk = balanced.walk
            let refreshed = try await onThread { try walk.refresh(tokens.refresh, client: client) }
            #expect(refreshed.status == 200, "\(refreshed.text)")
            _ = try await balanced.logIn()
        }

        /// Ends a gateway in order while a call is in flight at it, through the proxy: it is answered, and probes hear meanwhile that
        /// nothing new should come.
        private func drain(_ gateway: GatewayProcess, calling session: PlainMCP) async throws {
            let call = PlainMCP.call("progress", id: 9, #"{"steps":4,"seconds":1.5}"#, token: "1")
            let busy = try await onThread { try StreamBox(session.stream("POST", body: call)) }
            _ = try #require(try await onThread { try busy.next() })
            #expect(try await gateway.request("GET", "/ready").status == 200)
            gateway.program?.signal(SIGTERM)
            try await eventuallyTrue("it says or shows that it is not ready") {
                // Nobody listens any more: no probe takes that for ready.
                guard let answer = try? await gateway.request("GET", "/ready") else { return true }
                return answer.status == 503
            }
            #expect(gateway.program?.exit == nil, "before it leaves")
            let answer = try await onThread {
                while let event = try busy.next() {
                    if let data = event.data, data.contains("\"result\"") || data.contains("\"error\"") { return data }
                }
                return "the stream ended without an answer"
            }
            #expect(answer.contains("done after 4 steps"), "\(answer)")
            #expect(try await gateway.program?.waitUntilExit(within: .seconds(15)) == .exited(0))
        }
    }
}

/// Calls without sessions, from many addresses, one after another for each worker.
private final class Load: Sendable {
    struct Call: Sendable {
        let began: ContinuousClock.Instant
        /// 0 where there was no answer.
        let status: Int
        let words: String
    }

    static let workers = 4
    let calls = Ledger<Call>()
    let isOver = Atomic(false)
    private let clients: [PlainModernMCP]

    init(_ balanced: BalancedGateways, _ token: String) {
        clients = EndToEnd.Balancing.sources.map { balanced.modern(token, from: $0) }
    }

    var failures: [Call] { calls.all.filter { $0.status != 200 } }

    /// Calls until it is over.
    func run(_ worker: Int) async throws {
        var turn = worker
        while !isOver.load(ordering: .relaxed) {
            let client = clients[turn % clients.count]
            turn += Self.workers
            let began = ContinuousClock.now
            let call: Call = try await onThread {
                do {
                    let answer = try client.call("echo", #"{"message":"load"}"#)
                    let isRight = answer.text?.contains("load") == true
                    return Call(
                        began: began, status: answer.status == 200 && !isRight ? 1 : answer.status,
                        words: "\(answer.messages)")
                } catch {
                    return Call(began: began, status: 0, words: "\(error)")
                }
            }
            calls.record(call)
        }
    }

    /// Waits until this many more calls have been made.
    func waitForMore(_ count: Int) async throws {
        let there = calls.count
        try await eventuallyTrue("\(count) more calls", within: .seconds(30)) { calls.count >= there + count }
    }
}
