import AsyncIO
import Telemetry
import Testing

@testable import HTTP

/// Buckets of tokens, one for each key.
@Suite("Rate limiter")
struct RateLimiterTests {
    private static func at(_ milliseconds: Int64) -> Timestamp {
        Timestamp(millisecondsSinceEpoch: 1_000_000 + milliseconds)
    }

    @Test("O05: a bucket holds a minute's worth, fills evenly, and tells how long to wait")
    func bucket() {
        let limiter = RateLimiter<String>(perMinute: 60)
        for _ in 0..<60 { #expect(limiter.take("a", at: Self.at(0)) == nil) }
        #expect(limiter.take("a", at: Self.at(0)) == 1)
        #expect(limiter.take("b", at: Self.at(0)) == nil, "one cannot use up what another one has")
        #expect(limiter.take("a", at: Self.at(1000)) == nil)
        #expect(limiter.take("a", at: Self.at(1000)) == 1)
        #expect(limiter.take("a", count: 30, at: Self.at(11_000)) == 20, "ten are there, and stay")
        #expect(limiter.take("a", count: 10, at: Self.at(11_000)) == nil)
        #expect(limiter.take("a", count: 1000, at: Self.at(80_000)) == nil, "no more than a bucket holds")
        #expect(limiter.take("a", at: Self.at(0)) == 1, "a clock that goes back gives nothing")
    }

    @Test("O05: any number of keys takes bounded room, and what is in use is not forgotten")
    func room() {
        let limiter = RateLimiter<Int>(perMinute: 2, capacity: 1000)
        #expect(limiter.take(-1, at: Self.at(0)) == nil && limiter.take(-1, at: Self.at(0)) == nil)
        for key in 0..<100_000 {
            #expect(limiter.take(key, at: Self.at(0)) == nil)
            if key % 100 == 0 { #expect(limiter.take(-1, at: Self.at(0)) == 30) }
        }
        #expect(limiter.count <= 1000)
    }

    @Test("O05: one customer of IPv6 has a /64, and an IPv4 address in IPv6 is itself")
    func customers() throws {
        func customer(_ text: String) throws -> IPAddress? {
            SocketAddress.ip(try #require(IPAddress(text)), port: 1).customer
        }
        #expect(try customer("2001:db8::1") == customer("2001:db8::ffff:1"))
        #expect(try customer("2001:db8::1") != customer("2001:db8:0:1::1"))
        #expect(try customer("::ffff:192.0.2.1") == customer("192.0.2.1"))
        #expect(try customer("192.0.2.1") != customer("192.0.2.2"))
    }
}
