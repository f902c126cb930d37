import AsyncIO
import Crypto
import Foundation
import TestSupport
import Testing

@testable import HTTP

/// A listener at which TLS ends.
@Suite("TLS at the listener", .timeLimit(.minutes(2)))
struct TLSServerTests {
    let certificates: TestCertificates
    let served: ServedTLS

    init() throws {
        certificates = try TestCertificates()
        let shown = try certificates.issue("server", names: "DNS:localhost,IP:127.0.0.1")
        served = ServedTLS(
            try TLSContext(
                chain: [UInt8](try Data(contentsOf: URL(filePath: shown.certificate))),
                privateKey: [UInt8](try Data(contentsOf: URL(filePath: shown.key)))))
    }

    /// Everything that a server says under TLS to these bytes, until it ends.
    private func exchange(_ port: Int, _ bytes: [UInt8]) async throws -> String {
        let trusting = try TLSContext(trusting: .authorities(path: certificates.authority))
        let loop = LiveServer.group.next()
        return try await Task(executorPreference: loop) {
            try await Dialogue(loop).hold(port, bytes, trusting)
        }.value
    }

    /// One connection of a client, on its loop.
    private actor Dialogue {
        private let loop: EventLoop
        nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

        init(_ loop: EventLoop) { self.loop = loop }

        func hold(_ port: Int, _ bytes: [UInt8], _ context: TLSContext) async throws -> String {
            let address = try SocketAddress(ip: "127.0.0.1", port: port)
            let stream = try await ByteStream.connect(to: address, on: loop)
            try await stream.secure(to: "localhost", context)
            try await stream.write(bytes)
            var answer: [UInt8] = []
            let deadline = EventLoop.preciseNow + .seconds(10)
            // A reset ends an answer like any other end: what came counts.
            while let more = try? await stream.read(until: deadline) { answer += more }
            #expect(EventLoop.preciseNow < deadline)
            return String(decoding: answer, as: UTF8.self)
        }
    }

    @Test("O04: bodies of every size go both ways, and the request knows that it came by https")
    func bodies() async throws {
        let schemes = Ledger<String>()
        let echo = HTTPHandler { request, body in
            schemes.record(request.scheme.rawValue)
            guard let content = try? await body.collect(upTo: 4 << 20) else { return .text(.badRequest, "no content") }
            return HTTPResponse(status: .ok, body: .bytes(content))
        }
        let authority = certificates.authority
        try await LiveServer.run(responder: echo, tls: served) { live in
            var policy = EgressPolicy(addresses: .any, allowsPlainHTTP: false)
            policy.certificateAuthorities = authority
            policy.maximumBodyBytes = 4 << 20
            let client = HTTPClient(on: LiveServer.group.next(), policy: policy)
            for count in [0, 1, 16_383, 16_384, 16_385, 65_536, 100_000, 1 << 20] {
                let content = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
                var request = HTTPClientRequest(
                    method: .post, url: try HTTPURL("https://localhost:\(live.port)/"))
                request.body = .bytes(content)
                let response = try await client.send(request)
                let received = try await response.body.collect(upTo: 4 << 20)
                #expect(response.status == .ok && received == content, "\(count)")
            }
        }
        #expect(Set(schemes.all) == ["https"])
    }

    @Test("O04: a request without TLS is told so, and is not served")
    func plain() async throws {
        try await LiveServer.run(tls: served) { live in
            let answer = try await live.exchange("GET /secret HTTP/1.1\r\nHost: localhost\r\n\r\nGET /two HTTP/1.1\r\n")
            #expect(LiveServer.statuses(answer) == [400])
            #expect(answer.contains("speaks https"))
            #expect(live.seen.all.isEmpty)
        }
    }

    @Test(
        "O04: who does not finish a handshake in time loses the place", arguments: ["", "\u{16}\u{3}\u{1}\u{2}\0\u{1}"])
    func silence(beginning: String) async throws {
        try await LiveServer.run({ $0.headTimeout = .milliseconds(300) }, tls: served) { live in
            let start = ContinuousClock.now
            _ = try await live.exchange(beginning)
            let elapsed = ContinuousClock.now - start
            #expect(elapsed > .milliseconds(200) && elapsed < .seconds(3), "\(elapsed)")
            try await eventuallyTrue("the place is free") { live.server.connectionCount == 0 }
        }
    }

    @Test("O04: what is no TLS at all ends at once")
    func garbage() async throws {
        try await LiveServer.run({ $0.headTimeout = .seconds(60) }, tls: served) { live in
            let rest = [UInt8](repeating: 7, count: 70_000)
            for beginning: [UInt8] in [[0x80, 0x2E, 1, 0, 2], [5, 1, 0], [0x16, 3, 1, 0xFF, 0xFF]] {
                // Far less than the time that a handshake has. The end may be a reset: bytes of ours were left unread.
                _ = try? await live.exchange([beginning + rest])
                try await eventuallyTrue("the end after \(beginning)", within: .seconds(5)) {
                    live.server.connectionCount == 0
                }
            }
            #expect(live.seen.all.isEmpty)
            let answer = try await exchange(live.port, Self.request)
            #expect(LiveServer.statuses(answer) == [200])
        }
    }

    @Test("O05: an address begins so many handshakes in a minute, and is served again when its time has come")
    func tooOften() async throws {
        let clock = ManualClock()
        try await LiveServer.run({ $0.handshakesPerMinute = 2 }, tls: served, clock: clock.clock) { live in
            func statuses() async throws -> [Int] { LiveServer.statuses(try await exchange(live.port, Self.request)) }
            let first = [try await statuses(), try await statuses()]
            #expect(first == [[200], [200]])
            for _ in 0..<3 {
                // Not a byte: no handshake is begun.
                let began = try? await live.exchange([[0x16, 3, 1, 0, 5]])
                #expect(began ?? "" == "")
                await #expect(throws: (any Error).self) { try await statuses() }
            }
            clock.advance(by: .seconds(30))
            let later = try await statuses()
            #expect(later == [200])
            await #expect(throws: (any Error).self) { try await statuses() }
            #expect(live.seen.count == 3)
        }
        // In the clear nothing is counted.
        try await LiveServer.run({ $0.handshakesPerMinute = 1 }, clock: clock.clock) { live in
            for _ in 0..<3 {
                let answer = try await live.exchange([Self.request])
                #expect(LiveServer.statuses(answer) == [200])
            }
        }
    }

    @Test("H11: HTTP/2 is not served: its preface is refused under TLS and in the clear, and no frame after it is read")
    func noHTTP2() async throws {
        let frames = [UInt8](repeating: 0, count: 9) + [0, 0, 0, 4, 1, 0, 0, 0, 0]
        let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + (0..<200).flatMap { _ in frames }
        try await LiveServer.run(tls: served) { live in
            let statuses = LiveServer.statuses(try await exchange(live.port, preface + Self.request))
            #expect(statuses.count == 1 && statuses.allSatisfy { (400...505).contains($0) }, "\(statuses)")
            #expect(live.seen.all.isEmpty)
        }
        try await LiveServer.run { live in
            let upgrade = Array(
                "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
                    .utf8)
            let answer = try await live.exchange([upgrade])
            #expect(LiveServer.statuses(answer) == [200])
            let statuses = LiveServer.statuses(try await live.exchange([preface + Self.request]))
            #expect(statuses.count == 1 && statuses.allSatisfy { (400...505).contains($0) }, "\(statuses)")
            #expect(live.seen.all == ["GET /"])
        }
    }

    @Test("F22: what is served changes for new connections; a running one goes on")
    func replacement() async throws {
        let next = try certificates.issue("next", names: "DNS:next.test")
        let context = try TLSContext(
            chain: [UInt8](try Data(contentsOf: URL(filePath: next.certificate))),
            privateKey: [UInt8](try Data(contentsOf: URL(filePath: next.key))))
        let served = served
        let responder = HTTPHandler { _, _ in
            served.replace(with: context)
            return .text(.ok, "replaced")
        }
        try await LiveServer.run(responder: responder, tls: served) { live in
            let answer = try await exchange(live.port, Self.twoRequests)
            #expect(LiveServer.statuses(answer) == [200, 200])
            await #expect(throws: TLSFailure.self) { _ = try await exchange(live.port, Self.request) }
        }
    }

    private static let request = Array("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
    private static let twoRequests = Array("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8) + request
}
