import AsyncIO
import OAuth
import Telemetry
import TestSupport
import Testing

@testable import Gateway

/// How often somebody may come.
@Suite("Request rates", .timeLimit(.minutes(2)))
struct RequestRateTests {
    private static func limits(_ change: (inout RequestRateLimits) -> Void) -> RequestRateLimits {
        var limits = RequestRateLimits()
        change(&limits)
        return limits
    }

    @Test("O05: nobody is limited who is not to be, and the narrowest limit takes nothing from the others")
    func order() throws {
        let clock = ManualClock()
        #expect(RequestRates(RequestRateLimits(), clock: clock.clock, in: MetricsRegistry()) == nil)
        let given = Self.limits {
            $0.perClient = 2
            $0.perUser = 3
            $0.perServer = 100
        }
        let rates = try #require(RequestRates(given, clock: clock.clock, in: MetricsRegistry()))
        let address = SocketAddress.ip(.v4(0x7F00_0001), port: 1)
        func take(_ user: String, _ client: String, count: Int = 1) -> Int? {
            rates.take(StubVerifier.principal(user, client, grant: "g"), address, "one", count: count)
        }
        #expect(take("alice", "wild") == nil && take("alice", "wild") == nil)
        for _ in 0..<10 { #expect(take("alice", "wild") == 30) }
        #expect(take("alice", "calm") == nil, "what the wild one was refused is not the user's")
        #expect(take("alice", "calm") == 20)
        #expect(take("bob", "wild") == nil && take("bob", "wild", count: 64) == 30)
    }

    @Test("O05: an address is a customer, whoever calls from there, and a server has a limit for all of them together")
    func places() throws {
        let clock = ManualClock()
        let given = Self.limits {
            $0.perAddress = 2
            $0.perServer = 6
        }
        let rates = try #require(RequestRates(given, clock: clock.clock, in: MetricsRegistry()))
        var users = 0
        func take(_ address: String, _ server: String = "one") throws -> Int? {
            users += 1
            let principal = StubVerifier.principal("user-\(users)", "c", grant: "g")
            return rates.take(principal, try SocketAddress(ip: address, port: users), server, count: 1)
        }
        for address in ["2001:db8::1", "2001:db8::2"] { #expect(try take(address) == nil) }
        #expect(try take("2001:db8::3") == 30, "one network is one customer")
        for address in ["2001:db8:0:1::1", "2001:db8:0:1::1", "192.0.2.1", "::ffff:192.0.2.1"] {
            #expect(try take(address) == nil, "\(address)")
        }
        #expect(try take("192.0.2.1") == 30)
        #expect(try take("192.0.2.2") == 10, "six from three customers")
        #expect(try take("192.0.2.3", "two") == nil, "another server")
    }

    @Test("O05: a batch that no wait would let through is told so, and takes nothing but its own request")
    func batches() async throws {
        try await withBench(change: { $0.rates = Self.limits { $0.perUser = 8 } }) { bench in
            let client = try await bench.open(version: "2025-03-26")
            func send(_ count: Int) async throws -> MCPAnswer {
                let calls = (1...count).map {
                    PlainMCP.request("tools/call", id: $0, #"{"name":"pid","arguments":{}}"#)
                }
                return try await client.send("[\(calls.joined(separator: ","))]")
            }
            let long = try await send(9)
            #expect(long.status == 400 && long.response.header("retry-after") == nil, "\(long.messages)")
            #expect(long.response.text.contains("9 messages is more than the 8"))
            // Two requests began the session, one was the batch that was too long: five are left.
            #expect(try await send(5).status == 200)
            let short = try await send(2)
            #expect(short.status == 429 && short.response.header("retry-after") != nil)
        }
    }

    @Test("O05, M10: 429 with Retry-After and our own code, before anything is started; a batch counts its messages")
    func requests() async throws {
        try await withBench(change: { $0.rates = Self.limits { $0.perUser = 8 } }) { bench in
            let client = try await bench.open(version: "2025-03-26")
            let calls = (1...6).map { PlainMCP.request("tools/call", id: $0, #"{"name":"pid","arguments":{}}"#) }
            #expect(try await client.send("[\(calls.joined(separator: ","))]").status == 200)
            let refused = try await client.say("pid", id: 7)
            #expect(refused.status == 429 && refused.errorCode == 1002, "\(refused.messages)")
            #expect(refused.response.header("retry-after").flatMap { Int($0) }.map { (1...60).contains($0) } == true)
            #expect(bench.gateway.processCount == 1)
            for path in ["/demo/mcp", "/demo/sse"] {
                let other = try await bench.request(
                    path.hasSuffix("sse") ? "GET" : "POST", path,
                    ["Authorization": "Bearer alice-c2", "Accept": "text/event-stream"])
                #expect(other.status == 429, "another client of the user: \(path)")
            }
            #expect(bench.gateway.processCount == 1, "nothing is started")
            _ = try await bench.open("/demo/mcp", "bob")
            for _ in 0..<20 {
                #expect(try await bench.request("POST", "/demo/mcp", ["Authorization": "Bearer x"]).status == 401)
            }
            #expect(try await bench.open("/demo/mcp", "bob").say("pid", id: 1).status == 200, "guesses are nobody's")
        }
    }
}
