import Foundation
import TestSupport

/// A certificate authority for tests: pebble, and a resolver that finds every name on this machine.
final class PebbleServer {
    /// The directory.
    let url: String
    /// Who vouches for the server itself.
    let authority: String
    private let folder: TemporaryDirectory
    private let management: Int
    private let pebble: RunningProgram
    private let resolver: RunningProgram

    /// Starts it at `port`; it validates at these ports of ours, and refuses so many of a hundred good nonces.
    init(
        port: Int, certificates: TestCertificates, httpPort: Int, tlsPort: Int, refusedNonces: Int = 0
    ) async throws {
        folder = try TemporaryDirectory("pebble")
        management = try FreePort.find()
        let dns = try FreePort.find()
        let own = try certificates.issue("pebble", names: "DNS:localhost,IP:127.0.0.1")
        authority = certificates.authority
        url = "https://localhost:\(port)/dir"
        let configuration = try folder.write(
            "pebble.json",
            """
            {"pebble": {
              "listenAddress": "127.0.0.1:\(port)", "managementListenAddress": "127.0.0.1:\(management)",
              "certificate": "\(own.certificate)", "privateKey": "\(own.key)",
              "httpPort": \(httpPort), "tlsPort": \(tlsPort), "ocspResponderURL": "",
              "externalAccountBindingRequired": false
            }}
            """)
        resolver = try RunningProgram(
            "/usr/bin/pebble-challtestsrv",
            [
                "-defaultIPv6", "", "-defaultIPv4", "127.0.0.1", "-http01", "", "-https01", "", "-tlsalpn01", "",
                "-dns01", "127.0.0.1:\(dns)", "-management", "127.0.0.1:\(try FreePort.find())",
            ], logs: folder, name: "resolver")
        pebble = try RunningProgram(
            "/usr/bin/pebble", ["-config", configuration, "-dnsserver", "127.0.0.1:\(dns)", "-strict"],
            environment: [
                "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": String(refusedNonces), "PEBBLE_AUTHZREUSE": "0",
            ], logs: folder, name: "pebble")
        let management = management
        try await eventuallyTrue("pebble listens; it wrote \(pebble.errors)") {
            try await onThread {
                (try? PlainConnection(port: management)) != nil && (try? PlainConnection(port: port)) != nil
            }
        }
    }

    deinit { stop() }

    func stop() {
        pebble.killTree()
        resolver.killTree()
    }

    /// What it wrote.
    var log: String { pebble.output + pebble.errors }

    /// A file with the root of the chains that it issues.
    func root() async throws -> String {
        let (port, path, authority) = (management, folder.file("root.pem"), authority)
        let text = try await PythonClient.run(
            "tls_probe.py", in: "current",
            [
                "port": port, "authority": authority,
                "probes": [["targets": ["/roots/0"], "host": "localhost:\(port)"]],
            ])
        let answers = (text["results"] as? [[String: Any]])?.first?["answers"] as? [[String: Any]]
        let body = answers?.first?["body"] as? String ?? ""
        // Between chunk sizes stands the certificate.
        let start = body.range(of: "-----BEGIN")?.lowerBound ?? body.startIndex
        let end = body.range(of: "-----END CERTIFICATE-----")?.upperBound ?? body.endIndex
        try (String(body[start..<end]) + "\n").write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }
}
