import Foundation
import TestSupport
import Testing

extension EndToEnd.Crowds {
    /// Of each kind of slow client, with as many of honest ones alone between them.
    private static let rounds = 3

    /// A number of each report, in order.
    private static func sorted(_ reports: [[String: Any]], _ key: String) throws -> [Double] {
        try reports.map { try #require($0[key] as? Double) }.sorted()
    }

    @Test("F25, H08: 2,000 sockets that are too slow hurt nobody else, end by their timeouts, and leave nothing behind")
    func slowClients() async throws {
        let slow = 2000
        let gateway = try await EndToEnd.gateway(
            "servers:\n  demo: {command: \(Checkout.binary), args: [demo-server]}\n")
        let token = try await EndToEnd.logIn(gateway).tokens.access
        let kinds = ["heads", "contents", "readers"]
        let report = try await PythonClient.run(
            "slow_clients.py", in: "current",
            [
                "port": gateway.port, "path": "/demo/mcp", "form": "/token", "token": token, "rate": 200, "seconds": 2,
                "slow": slow, "rounds": Self.rounds, "kinds": kinds, "patience": 60, "pid": Int(gateway.pid),
            ], within: .seconds(300))
        let alone = try #require(report["alone"] as? [[String: Any]])
        let before = try #require(report["before"] as? [String: Int])
        #expect(alone.allSatisfy { $0["failed"] as? Int == 0 }, "\(alone)")
        try #require(alone.count == Self.rounds * kinds.count)
        for kind in kinds {
            let rounds = try #require(report[kind] as? [[String: Any]])
            try #require(rounds.count == Self.rounds)
            for round in rounds {
                #expect(round["held"] as? Int == slow && (round["open"] as? Int ?? 0) > slow, "\(kind): \(round)")
                #expect(round["failed"] as? Int == 0, "\(kind): \(round)")
                #expect(round["rests"] as? Bool == true, "\(kind): \(round)")
                // What each holds at most is what it has sent, or an answer that it does not take.
                let memory = try #require(round["memory"] as? Int) - (before["memory"] ?? 0)
                #expect(memory <= 128 << 20, "\(kind): \(memory >> 20) MiB")
            }
            // What else the machine does only adds time, so the best round counts, beside the median of those alone.
            let (best, usual) = (try Self.sorted(rounds, "p99")[0], try Self.sorted(alone, "p99")[alone.count / 2])
            #expect(best <= 3 * usual, "\(kind): p99 \(best) ms beside them, \(usual) ms alone; \(report)")
            guard kind != "readers", let last = rounds.last else { continue }
            let ends = try #require(last["ends"] as? [String: Int])
            #expect(last["left"] as? Int == 0, "\(kind): \(ends)")
            #expect((ends["408"] ?? 0) >= slow * 9 / 10 && ends.values.reduce(0, +) == slow, "\(kind): \(ends)")
        }
    }
    /// What slowhttptest is told to do.
    private static let ways: [String: [String]] = [
        "heads": ["-H", "-i", "2", "-x", "24", "/live"],
        "contents": ["-B", "-i", "2", "-s", "8192", "-x", "64", "/token"],
        "readers": ["-X", "-n", "2", "-w", "32", "-y", "64", "-z", "8", "-k", "3", "/metrics"],
    ]

    @Test("F25, H08: slowhttptest never finds the service gone, and honest calls are answered", arguments: ways)
    func slowhttptest(_ kind: String, _ words: [String]) async throws {
        let gateway = try await EndToEnd.gateway(
            "servers:\n  demo: {command: \(Checkout.binary), args: [demo-server]}\n")
        let token = try await EndToEnd.logIn(gateway).tokens.access
        let port = gateway.port
        let client = try await onThread { try PlainMCP.opened(port: port, path: "/demo/mcp", token: token) }
        let folder = try TemporaryDirectory("slowhttptest")
        let target = "http://127.0.0.1:\(port)\(words.last ?? "/")"
        // Heads and contents have ten seconds here, and it stops when nobody listens to it any more. Of answers that nobody takes it
        // does not see the end: ten seconds and one, for its second look is at ten.
        let isCut = kind != "readers"
        let attack = try RunningProgram(
            "/usr/bin/slowhttptest",
            ["-c", "1000", "-r", "1000", "-l", isCut ? "30" : "11", "-p", "5", "-u", target] + words.dropLast(),
            environment: ["TERM": "dumb"], in: folder.path, logs: folder)
        defer { attack.killTree() }
        var held = 0
        while attack.exit == nil {
            let answer = try await onThread { try client.call("echo", id: 7, #"{"message":"x"}"#) }
            #expect(answer.status == 200 && answer.errorCode == nil, "\(kind): \(answer.messages)")
            held = max(held, try await gateway.metric("sallyport_http_connections") ?? 0)
        }
        #expect(attack.exit == .exited(0), "\(attack.errors)")
        #expect(held >= 900, "\(kind): \(held) connections at once; \(attack.output)")
        let end = attack.output.split(separator: "\n").last { $0.contains("Exit status") } ?? ""
        #expect(end.contains(isCut ? "No open connections left" : "Hit test time limit"), "\(kind): \(attack.output)")
        let looks = attack.output.split(separator: "\n").filter { $0.contains("service available") }
        #expect(looks.count >= 2 && looks.allSatisfy { $0.contains("YES") }, "\(kind): \(looks)")
        try await eventuallyTrue("they are gone", within: .seconds(20)) {
            try await gateway.metric("sallyport_http_connections") ?? 0 < 10
        }
    }
}
