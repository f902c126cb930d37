import AsyncIO
import Foundation
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

    @Test("O05: a million addresses that a proxy passes on, invented or not, take less than 16 MiB")
    func spoofed() async throws {
        let limiter = RateLimiter<IPAddress?>(perMinute: 20)
        let proxies = TrustedProxies(["10.0.0.0/8"].compactMap { CIDR($0) })
        let peer = try SocketAddress(ip: "10.0.0.1", port: 1)
        func come(_ number: Int) {
            // Some of each kind, none twice: customers of IPv6 differ in their first 64 bits.
            let (high, low) = (number >> 16, number & 0xFFFF)
            let name =
                number.isMultiple(of: 2)
                ? "\(1 + high % 9).\(high / 9).\(low >> 8).\(low & 0xFF)"
                : "2001:db8:\(String(high + 1, radix: 16)):\(String(low, radix: 16))::1"
            var fields = HTTPFields()
            fields.append("X-Forwarded-For", name)
            let read = proxies.read(HTTPRequest(path: "/", fields: fields, remoteAddress: peer))
            _ = limiter.take(read.remoteAddress.customer, at: Timestamp(millisecondsSinceEpoch: Int64(number)))
        }
        for number in 0..<30_000 { come(number) }
        let before = try Self.residentBytes()
        for number in 30_000..<1_030_000 { come(number) }
        let grown = try Self.residentBytes() - before
        #expect(grown <= 16 << 20, "\(grown >> 10) KiB")
        #expect(limiter.count <= 10_000)
        // A stranger who invents addresses is one address.
        for number in 0..<21 {
            var fields = HTTPFields()
            fields.append("X-Forwarded-For", "192.0.2.\(number)")
            let stranger = HTTPRequest(
                path: "/", fields: fields, remoteAddress: try SocketAddress(ip: "203.0.113.9", port: 1))
            let wait = limiter.take(
                proxies.read(stranger).remoteAddress.customer, at: Timestamp(millisecondsSinceEpoch: 2_000_000))
            #expect((wait == nil) == (number < 20))
        }
    }

    private static func residentBytes() throws -> Int {
        let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 4096
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
