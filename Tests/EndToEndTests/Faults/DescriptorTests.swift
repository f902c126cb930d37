import Foundation
import TestSupport
import Testing

extension EndToEnd.Crowds {
    @Test("F18: without descriptors to spare newcomers get 503, streams and calls go on, nothing spins, and it passes")
    func exhaustedDescriptors() async throws {
        let (gateway, issuer, tokens) = try await Self.gateway(
            2, wrapper: ["/usr/bin/prlimit", "--nofile=256:256"])
        let streams = 20
        let report = try await PythonClient.run(
            "exhaustion.py", in: "current",
            [
                "port": gateway.port, "path": "/news/mcp", "tokens": tokens, "streams": streams, "seconds": 3,
                "pid": Int(gateway.pid),
            ])
        let (held, rounds) = (try #require(report["held"] as? Int), try #require(report["rounds"] as? Int))
        #expect((100...230).contains(held), "\(report)")
        #expect(report["answers"] as? [String: Int] == ["503": rounds], "\(report)")
        #expect(report["reached"] as? [Int] == Array(repeating: streams, count: rounds), "\(report)")
        #expect(rounds >= 10 && report["calls"] as? Int == rounds && report["ended"] as? Int == 0, "\(report)")
        #expect(try #require(report["share"] as? Double) <= 0.2, "\(report)")
        #expect(report["status"] as? Int == 200, "\(report)")
        #expect(try #require(report["full"] as? Double) <= 1, "\(report)")
        #expect(ProcessTable.isAlive(gateway.pid))
        withExtendedLifetime(issuer) {}
    }
}
