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
}
