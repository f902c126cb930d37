import AsyncIO
import Foundation
import HTTP
import TestSupport
import Testing

/// Against OpenSSL's own server with a certificate that nobody signed.
@Suite(.timeLimit(.minutes(2))) struct TLSClientTests {
    /// Runs `openssl s_server` for `localhost` while `body` runs with its port and the certificate's file.
    static func withServer(_ body: (Int, String) async throws -> Void) async throws {
        let folder = try TemporaryDirectory("tls")
        let certificate = folder.file("c.pem")
        let key = folder.file("k.pem")
        let made = try RunningProgram.run(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-out", certificate, "-keyout", key,
            ])
        try #require(made.exit == .exited(0), "\(made.text)")
        let port = try FreePort.find()
        let server = try RunningProgram(
            "/usr/bin/openssl",
            ["s_server", "-accept", "127.0.0.1:\(port)", "-cert", certificate, "-key", key, "-www", "-quiet"],
            logs: folder)
        defer { server.killTree() }
        let probe = HTTPClient(
            on: EventLoopGroup(count: 1).next(), policy: EgressPolicy(addresses: .any, allowsPlainHTTP: false))
        let url = try HTTPURL("https://localhost:\(port)/")
        try await eventuallyTrue("the server listens") {
            do throws(HTTPClientError) {
                _ = try await probe.send(HTTPClientRequest(url: url))
                return true
            } catch {
                return error.code != .connectFailed
            }
        }
        try await body(port, certificate)
    }

    @Test("A15: a certificate that nobody vouches for, or for another name, is refused")
    func certificates() async throws {
        try await Self.withServer { port, certificate in
            let loop = EventLoopGroup(count: 1).next()
            let strict = EgressPolicy(addresses: .any, allowsPlainHTTP: false)
            var trusting = strict
            trusting.certificateAuthorities = certificate
            for (policy, host) in [(strict, "localhost"), (trusting, "127.0.0.1")] {
                let client = HTTPClient(on: loop, policy: policy)
                let url = try HTTPURL("https://\(host):\(port)/")
                let error = await #expect(throws: HTTPClientError.self) {
                    try await client.send(HTTPClientRequest(url: url))
                }
                #expect(error?.code == .tlsFailed)
            }
            let client = HTTPClient(on: loop, policy: trusting)
            let response = try await client.send(
                HTTPClientRequest(url: try HTTPURL("https://localhost:\(port)/")))
            #expect(response.status == .ok)
        }
    }
}
