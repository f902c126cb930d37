import Foundation
import TestSupport

/// An https site on this machine that publishes client metadata documents, good and bad.
final class PublishingSite {
    let port: Int
    /// The certificate that it shows, which signs itself.
    let certificate: String
    private let directory: TemporaryDirectory
    private let program: RunningProgram

    /// Makes a certificate and starts the site.
    init() async throws {
        directory = try TemporaryDirectory("site")
        port = try FreePort.find()
        certificate = directory.file("c.pem")
        let key = directory.file("k.pem")
        let environment = GatewayProcess.environment(home: directory.path)
        let make = try RunningProgram(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-out", certificate, "-keyout", key,
            ], environment: environment, in: directory.path, logs: directory, name: "openssl")
        try await make.waitUntilExit(within: .seconds(20))
        let program = try RunningProgram(
            "/usr/bin/python3", [Checkout.client("documents.py"), "\(port)", certificate, key],
            environment: environment, in: directory.path, logs: directory, name: "site")
        self.program = program
        try await eventuallyTrue("the site to listen: \(program.errors)") { program.output.contains("ready") }
    }

    deinit { program.killTree() }

    var origin: String { "https://localhost:\(port)" }

    /// What a gateway needs in its configuration to reach it; everything else stays closed.
    var configuration: String {
        """
        servers:
          demo: {command: \(Checkout.binary), args: [demo-server]}
        rate_limits: {registration: 10000/min}
        oauth:
          client_id_metadata_documents:
            certificate_authorities: \(certificate)
            insecure_allowed_addresses: [127.0.0.0/8]

        """
    }

    /// How often each path was asked for.
    func count() async throws -> [String: Int] {
        let run = try RunningProgram(
            "/usr/bin/curl", ["-s", "--cacert", certificate, origin + "/count"],
            environment: GatewayProcess.environment(home: directory.path), in: directory.path, logs: directory,
            name: "count-\(UUID().uuidString.prefix(4))")
        try await run.waitUntilExit(within: .seconds(20))
        return try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Int] ?? [:]
    }
}
