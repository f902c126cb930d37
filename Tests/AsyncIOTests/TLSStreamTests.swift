import AsyncIO
import Crypto
import Foundation
import Telemetry
import TestSupport
import Testing

/// Both directions of TLS, against each other.
@Suite("TLS over a stream", .timeLimit(.minutes(1)))
struct TLSStreamTests {
    let certificates: TestCertificates
    let serving: ServedTLS
    let trusting: TLSContext

    init() throws {
        certificates = try TestCertificates()
        let shown = try certificates.issue("server", names: "DNS:localhost,IP:127.0.0.1")
        serving = ServedTLS(try TLSContext.serving(shown))
        trusting = try TLSContext(trusting: .authorities(path: certificates.authority))
    }

    @Test("large and small pieces arrive whole, by name and by address", arguments: ["localhost", "127.0.0.1"])
    func echo(_ host: String) async throws {
        let (serving, trusting) = (serving, trusting)
        try await ByteStreamTests.pair { stream in
            try await stream.secure(accepting: serving)
            while let bytes = try await stream.read() { try await stream.write(bytes) }
        } client: { stream in
            try await stream.secure(to: host, trusting)
            for count in [1, 16_384, 16_385, 200_000] {
                let sent = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
                try stream.writeWithoutWaiting(sent)
                var received: [UInt8] = []
                while received.count < count {
                    received += try #require(try await stream.read(until: EventLoop.preciseNow + .seconds(10)))
                }
                #expect(received == sent)
            }
            stream.close()
        }
    }

    @Test("S04: another name, an unknown authority or no TLS at all ends the handshake")
    func refusals() async throws {
        let (serving, trusting) = (serving, trusting)
        let others = try TestCertificates()
        let strangers = try TLSContext(trusting: .authorities(path: others.authority))
        for (host, context) in [("other.test", trusting), ("127.0.0.2", trusting), ("localhost", strangers)] {
            try await ByteStreamTests.pair { stream in
                await #expect(throws: TLSFailure.self) {
                    try await stream.secure(accepting: serving)
                    _ = try await stream.read()
                    throw TLSFailure.wire(.closed)
                }
            } client: { stream in
                let failure = await #expect(throws: TLSFailure.self) {
                    try await stream.secure(to: host, context)
                }
                #expect(failure?.description.contains("certificate") == true, "\(host)")
                #expect(stream.isClosed)
            }
        }
        try await ByteStreamTests.pair { stream in
            try await stream.write(Array("+OK not TLS\r\n".utf8))
            _ = try await stream.read()
        } client: { stream in
            await #expect(throws: TLSFailure.self) {
                try await stream.secure(to: "localhost", trusting)
            }
        }
    }

    @Test("an end in order is an end; a wire that is cut is a reset")
    func truncation() async throws {
        let (serving, trusting) = (serving, trusting)
        for isOrderly in [true, false] {
            try await ByteStreamTests.pair { stream in
                if isOrderly {
                    try await stream.secure(accepting: serving)
                    return try await stream.write([1, 2, 3])
                }
                // By hand: a stream that knows of TLS always ends it.
                let engine = try TLSEngine(accepting: serving)
                while try !engine.handshake() {
                    try await stream.write(engine.takeCiphertext())
                    engine.feed(try #require(try await stream.read()))
                }
                try await stream.write(engine.takeCiphertext() + engine.encrypt([1, 2, 3]))
            } client: { stream in
                try await stream.secure(to: "localhost", trusting)
                #expect(try await stream.read() == [1, 2, 3])
                if isOrderly {
                    #expect(try await stream.read() == nil)
                } else {
                    await #expect(throws: IOError.connectionReset) { _ = try await stream.read() }
                }
            }
        }
    }

    @Test("a peer that says nothing ends the handshake at its deadline")
    func silence() async throws {
        let trusting = trusting
        try await ByteStreamTests.pair { stream in
            while try await stream.read() != nil {}
        } client: { stream in
            let failure = await #expect(throws: TLSFailure.self) {
                try await stream.secure(to: "localhost", trusting, within: .milliseconds(50))
            }
            #expect(failure?.description == IOError.timedOut.description)
        }
    }

    @Test("files that are missing or do not belong together are told at once")
    func files() throws {
        let one = try certificates.issue("one", names: "DNS:one.test")
        let two = try certificates.issue("two", names: "DNS:two.test")
        #expect(throws: TLSContext.IdentityError.self) { _ = try TLSContext.serving((one.certificate, two.key)) }
        #expect(throws: TLSError.self) { _ = try TLSContext(trusting: .authorities(path: "/nowhere")) }
    }

    @Test("O04: a certificate is for its names, and a wildcard for one label in its place")
    func names() throws {
        let shown = try certificates.issue("wild", names: "DNS:one.test,DNS:*.wild.test,DNS:w*.part.test,IP:127.0.0.1")
        let context = try TLSContext.serving(shown)
        for host in ["one.test", "ONE.test", "a.wild.test", "A.Wild.Test", "127.0.0.1"] {
            #expect(context.names(host), "\(host)")
        }
        for host in [
            "wild.test", "a.b.wild.test", "www.part.test", "one.test.evil.test", "evil-one.test", "one",
            "127.0.0.2", "", "*.test", "other.test",
        ] {
            #expect(!context.names(host), "\(host)")
        }
    }

    @Test("F22: half a file is none, wherever it was cut; who stands in the certificate and until when is known")
    func halfFiles() throws {
        let shown = try certificates.issue("half", names: "DNS:half.test,IP:127.0.0.1")
        let key = try bytes(shown.key)
        let chain = try bytes(shown.certificate) + bytes(certificates.authority)
        let context = try TLSContext(chain: chain, privateKey: key)
        #expect(context.names("half.test") && context.names("127.0.0.1") && !context.names("other.test"))
        let validity = try #require(context.validity)
        #expect(validity.notAfter - validity.notBefore == .seconds(2 * 86_400))
        // The last line end may be missing: behind the first certificate, and at the end.
        let first = try bytes(shown.certificate).count
        for count in 0..<(chain.count - 1) {
            // Between two certificates a chain may end.
            let isWhole = (try? TLSContext(chain: Array(chain[..<count]), privateKey: key)) != nil
            #expect(isWhole == (first - 1...first).contains(count), "\(count) of \(chain.count)")
        }
        for count in 0..<(key.count - 1) {
            #expect(throws: TLSContext.IdentityError.self) {
                _ = try TLSContext(chain: chain, privateKey: Array(key[..<count]))
            }
        }
    }

    private func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(filePath: path))) }
}

extension TLSContext {
    /// Shows what is in these files.
    static func serving(_ shown: (certificate: String, key: String)) throws -> TLSContext {
        try TLSContext(
            chain: [UInt8](try Data(contentsOf: URL(filePath: shown.certificate))),
            privateKey: [UInt8](try Data(contentsOf: URL(filePath: shown.key))))
    }
}
