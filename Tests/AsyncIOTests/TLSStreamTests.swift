import AsyncIO
import Crypto
import TestSupport
import Testing

/// Both directions of TLS, against each other.
@Suite("TLS stream", .timeLimit(.minutes(1)))
struct TLSStreamTests {
    let certificates: TestCertificates
    let serving: TLSContext
    let trusting: TLSContext

    init() throws {
        certificates = try TestCertificates()
        let shown = try certificates.issue("server", names: "DNS:localhost,IP:127.0.0.1")
        serving = try TLSContext(certificatePath: shown.certificate, privateKeyPath: shown.key)
        trusting = try TLSContext(trusting: .authorities(path: certificates.authority))
    }

    @Test("large and small pieces arrive whole, by name and by address", arguments: ["localhost", "127.0.0.1"])
    func echo(_ host: String) async throws {
        let (serving, trusting) = (serving, trusting)
        try await ByteStreamTests.pair { stream in
            let secure = try await TLSStream.accept(over: stream, context: serving)
            while let bytes = try await secure.read() { try await secure.write(bytes) }
        } client: { stream in
            let secure = try await TLSStream.connect(over: stream, to: host, context: trusting)
            for count in [1, 16_384, 16_385, 200_000] {
                let sent = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
                try secure.writeWithoutWaiting(sent)
                var received: [UInt8] = []
                while received.count < count {
                    received += try #require(try await secure.read(until: EventLoop.preciseNow + .seconds(10)))
                }
                #expect(received == sent)
            }
            secure.close()
        }
    }

    @Test("S04: another name, an unknown authority or no TLS at all ends the handshake")
    func refusals() async throws {
        let (serving, trusting) = (serving, trusting)
        let others = try TestCertificates()
        let strangers = try TLSContext(trusting: .authorities(path: others.authority))
        for (host, context) in [("other.test", trusting), ("127.0.0.2", trusting), ("localhost", strangers)] {
            try await ByteStreamTests.pair { stream in
                await #expect(throws: TLSStream.Failure.self) {
                    let secure = try await TLSStream.accept(over: stream, context: serving)
                    _ = try await secure.read()
                    throw TLSStream.Failure.wire(.closed)
                }
            } client: { stream in
                let failure = await #expect(throws: TLSStream.Failure.self) {
                    _ = try await TLSStream.connect(over: stream, to: host, context: context)
                }
                #expect(failure?.description.contains("certificate") == true, "\(host)")
                #expect(stream.isClosed)
            }
        }
        try await ByteStreamTests.pair { stream in
            try await stream.write(Array("+OK not TLS\r\n".utf8))
            _ = try await stream.read()
        } client: { stream in
            await #expect(throws: TLSStream.Failure.self) {
                _ = try await TLSStream.connect(over: stream, to: "localhost", context: trusting)
            }
        }
    }

    @Test("an end in order is an end; a wire that is cut is a reset")
    func truncation() async throws {
        let (serving, trusting) = (serving, trusting)
        for isOrderly in [true, false] {
            try await ByteStreamTests.pair { stream in
                let secure = try await TLSStream.accept(over: stream, context: serving)
                try await secure.write([1, 2, 3])
                if isOrderly { secure.close() } else { stream.close() }
            } client: { stream in
                let secure = try await TLSStream.connect(over: stream, to: "localhost", context: trusting)
                #expect(try await secure.read() == [1, 2, 3])
                if isOrderly {
                    #expect(try await secure.read() == nil)
                } else {
                    await #expect(throws: IOError.connectionReset) { _ = try await secure.read() }
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
            let failure = await #expect(throws: TLSStream.Failure.self) {
                _ = try await TLSStream.connect(
                    over: stream, to: "localhost", context: trusting, within: .milliseconds(50))
            }
            #expect(failure?.description == IOError.timedOut.description)
        }
    }

    @Test("files that are missing or do not belong together are told at once")
    func files() throws {
        let one = try certificates.issue("one", names: "DNS:one.test")
        let two = try certificates.issue("two", names: "DNS:two.test")
        #expect(throws: TLSError.self) {
            _ = try TLSContext(certificatePath: one.certificate, privateKeyPath: two.key)
        }
        #expect(throws: TLSError.self) { _ = try TLSContext(certificatePath: "/nowhere", privateKeyPath: two.key) }
        #expect(throws: TLSError.self) { _ = try TLSContext(trusting: .authorities(path: "/nowhere")) }
    }
}
