import AsyncIO
import HTTP
import Synchronization
import TestSupport
import Testing

@testable import Sallyport

/// What is said about requests that arrive by the wrong address.
@Suite("Addresses that arrive")
struct AddressCheckTests {
    private final class Bench {
        let clock = ManualClock()
        let found = Ledger<AddressCheck.Finding>()
        let check: AddressCheck

        init(_ origin: String = "https://mcp.example.com") throws {
            check = AddressCheck(
                origin: try HTTPURL(origin), authorities: ["time.mcp.example.com"],
                proxies: ["10.0.0.0/8"].compactMap { CIDR($0) }, clock: clock.clock
            ) { [found] in found.record($0) }
        }

        func ask(
            _ host: String = "mcp.example.com", from peer: String = "10.0.0.7", saying fields: HTTPFields = [:],
            path: String = "/mcp", status: HTTPStatus = .unauthorized
        ) throws {
            check.note(
                HTTPRequest(
                    path: path, fields: fields, remoteAddress: try SocketAddress(ip: peer, port: 7), authority: host),
                status)
        }
    }

    @Test("U-16: another host is told once, with what arrived and what was expected, until one comes as it should")
    func host() throws {
        let bench = try Bench()
        for _ in 0..<3 { try bench.ask("gateway:8080", status: .misdirectedRequest) }
        let said = try #require(bench.found.all.first)
        #expect(bench.found.count == 1 && said.part == .host && said.requests == 1)
        #expect(said.arrived == "gateway:8080" && said.expected == "mcp.example.com" && said.peer == "10.0.0.7:7")
        #expect(bench.check.warnings.count == 1 && bench.check.warnings[0].hasPrefix("public_url"))
        #expect(!bench.check.warnings[0].contains("gateway"), "what strangers write is for the log alone")
        bench.clock.advance(by: AddressCheck.quiet)
        try bench.ask("gateway:8080", status: .misdirectedRequest)
        #expect(bench.found.all.map(\.requests) == [1, 3])
        try bench.ask()
        #expect(bench.check.warnings.isEmpty)
    }

    @Test("U-16: scanners that use a name of their own are no reason for a word while others come as they should")
    func strangers() throws {
        let bench = try Bench()
        for _ in 0..<20 {
            try bench.ask("time.mcp.example.com:443", from: "192.0.2.1")
            try bench.ask("time.mcp.example.com", from: "192.0.2.1")
            try bench.ask("203.0.113.5", from: "192.0.2.1", status: .misdirectedRequest)
            bench.clock.advance(by: AddressCheck.quiet)
        }
        #expect(bench.found.count == 0 && bench.check.warnings.isEmpty)
        // Then nobody comes as he should any more.
        try bench.ask("203.0.113.5", from: "192.0.2.1", status: .misdirectedRequest)
        #expect(bench.found.all.map(\.part) == [.host])
    }

    @Test("U-16: a trusted proxy that says another scheme is told; a stranger who says so is not")
    func scheme() throws {
        let bench = try Bench()
        try bench.ask(from: "192.0.2.1", saying: ["X-Forwarded-Proto": "http"])
        try bench.ask(saying: ["X-Forwarded-Proto": "https"])
        try bench.ask(saying: ["X-Forwarded-Proto": "wss"])
        try bench.ask("localhost:8080", saying: ["X-Forwarded-Proto": "http"], path: "/ready", status: .ok)
        try bench.ask("sallyport:8080", saying: ["X-Forwarded-Proto": "http"], path: "/verify", status: .ok)
        #expect(bench.found.count == 0 && bench.check.warnings.isEmpty)
        bench.clock.advance(by: AddressCheck.quiet)
        let long: HTTPFields = ["X-Forwarded-Proto": String(repeating: "x", count: 4000)]
        for _ in 0..<2 {
            try bench.ask(saying: long)
            bench.clock.advance(by: AddressCheck.quiet)
        }
        let said = try #require(bench.found.all.first)
        #expect(bench.found.count == 1 && said.part == .scheme && said.expected == "https")
        #expect(said.arrived.utf8.count <= 64)
        #expect(bench.check.warnings.count == 1 && bench.check.warnings[0].contains("scheme"))
        try bench.ask(saying: ["X-Forwarded-Proto": "https"])
        #expect(bench.check.warnings.isEmpty)
    }

    @Test("U-16: a proxy nearby that trusted_proxies does not name is told once, and nothing is wrong for clients")
    func proxy() throws {
        let bench = try Bench()
        try bench.ask(from: "203.0.113.9", saying: ["X-Forwarded-For": "192.0.2.1"])
        #expect(bench.found.count == 0, "anybody may write that")
        for _ in 0..<3 {
            try bench.ask(from: "172.18.0.2", saying: ["X-Forwarded-For": "192.0.2.1"])
            bench.clock.advance(by: AddressCheck.quiet)
        }
        #expect(bench.found.all.map(\.part) == [.proxy] && bench.check.warnings.isEmpty)
    }
}
