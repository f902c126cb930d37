import AsyncIO
import Foundation
import HTTP
import TestSupport
import Testing

/// Against OpenSSL's own server with a certificate that nobody signed.
@Suite(.timeLimit(.minutes(2))) struct TLSClientTests {
    /// Runs `openssl s_server` for `localhost` while `body` runs with its port and the certificate's file.
    static func withServer(_ body: (Int, String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let certificate = folder.appendingPathComponent("c.pem").path
        let key = folder.appendingPathComponent("k.pem").path
        let make = try openssl([
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
            "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-out", certificate, "-keyout", key,
        ])
        try await onThread { make.waitUntilExit() }
        let port = try FreePort.find()
        let server = try openssl([
            "s_server", "-accept", "127.0.0.1:\(port)", "-cert", certificate, "-key", key, "-www", "-quiet",
        ])
        defer { server.terminate() }
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

    private static func openssl(_ arguments: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = arguments
        process.standardInput = Pipe()
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
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
