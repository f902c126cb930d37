import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Certificates from an authority: pebble, which tests clients of RFC 8555 by being difficult.
    @Suite("ACME", .timeLimit(.minutes(4)))
    struct ACME {
        static let host = "mcp.example.test"
        let certificates: TestCertificates

        init() throws {
            certificates = try TestCertificates()
        }

        /// A gateway that asks the authority at `directory`; its validators find `plain`.
        func gateway(directory: String, plain: Int, settings: String = "") throws -> GatewayProcess {
            try GatewayProcess(
                configuration: """
                    public_url: https://\(Self.host)
                    tls:
                      redirect_listen: 127.0.0.1:\(plain)
                      acme: {directory_url: "\(directory)", certificate_authorities: \(certificates.authority), email: ops@example.test, retry_interval: 1s\(settings)}

                    """, isSecure: true)
        }

        /// What a client sees that trusts `authority`.
        func probe(
            _ gateway: GatewayProcess, trusting authority: String, _ target: String = "/live", alpn: [String]? = nil
        ) async throws -> [String: Any] {
            var probe: [String: Any] = ["name": Self.host, "host": Self.host, "targets": [target]]
            if let alpn { probe["alpn"] = alpn }
            let report = try await PythonClient.run(
                "tls_probe.py", in: "current", ["port": gateway.port, "authority": authority, "probes": [probe]])
            return (report["results"] as? [[String: Any]])?.first ?? [:]
        }

        func metric(_ gateway: GatewayProcess, _ name: String, trusting authority: String) async throws -> Int? {
            let answers = try await probe(gateway, trusting: authority, "/metrics")["answers"] as? [[String: Any]]
            let text = answers?.first?["body"] as? String ?? ""
            return text.split(separator: "\n").first { $0.hasPrefix(name + " ") }?.split(separator: " ").last
                .flatMap { Int($0) }
        }

        func mode(_ path: String) throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        }

        @Test(
            "O04: a certificate comes by either challenge from an authority that refuses half of all nonces, and is kept",
            arguments: ["http-01", "tls-alpn-01"])
        func issuance(challenge: String) async throws {
            let (port, plain) = (try FreePort.find(), try FreePort.find())
            let gateway = try gateway(
                directory: "https://localhost:\(port)/dir", plain: plain, settings: ", challenge: \(challenge)")
            let pebble = try await PebbleServer(
                port: port, certificates: certificates, httpPort: plain, tlsPort: gateway.port, refusedNonces: 50)
            let root = try await pebble.root()
            try await gateway.start()
            let seen = try await eventually(
                "a certificate; \(gateway.log)", within: .seconds(90), every: .milliseconds(300)
            ) {
                let seen = try await probe(gateway, trusting: root)
                return seen["error"] == nil ? seen : nil
            }
            #expect(TLS.status(seen) == 200)
            let folder = gateway.dataDirectory + "/acme"
            for name in ["account.pem", "certificate.pem"] {
                #expect(try mode("\(folder)/\(name)") == 0o600, "\(name)")
            }
            #expect(try mode(folder) == 0o700)
            // Nothing is left of the proof.
            for path in ["x", "..%2f..%2fdata%2facme%2faccount.pem", "../../etc/passwd", "", "account.pem"] {
                let answer = try await onThread {
                    try PlainHTTP.exchange(port: plain, "GET", "/.well-known/acme-challenge/\(path)")
                }
                #expect(
                    [400, 404, 308].contains(answer.status) && !answer.text.contains("KEY"), "\(path): \(answer.status)"
                )
            }
            let unknown = try await onThread {
                try PlainHTTP.exchange(
                    port: plain, "GET", "/.well-known/acme-challenge/\(String(repeating: "a", count: 43))")
            }
            #expect(unknown.status == 404)
            // No certificate at all, not one that a client does not trust.
            let refusal = try await probe(gateway, trusting: root, alpn: ["acme-tls/1"])["error"] as? String
            #expect(refusal?.contains("VERIFY_FAILED") == false, "\(refusal ?? "a connection")")

            // The next start has it without asking anybody.
            pebble.stop()
            #expect(try await gateway.terminate() == .exited(0))
            try await gateway.start()
            let again = try await probe(gateway, trusting: root)
            #expect(again["serial"] as? String == seen["serial"] as? String)
            #expect(!gateway.log.contains("no new certificate"))
        }

        @Test(
            "F23: while the authority is dead, broken or refuses, the old certificate is served; then the next one comes by itself"
        )
        func deadAuthority() async throws {
            let (port, plain) = (try FreePort.find(), try FreePort.find())
            let gateway = try gateway(directory: "https://localhost:\(port)/dir", plain: plain)
            let old = certificates.authority
            try keepOldCertificate(in: gateway.dataDirectory)
            try await gateway.start()
            let stop = gateway.directory.file("stop")
            let gatewayPort = gateway.port
            async let steady = PythonClient.run(
                "steady.py", in: "current", ["port": gatewayPort, "host": Self.host, "until": stop],
                within: .seconds(200))
            let before = try await probe(gateway, trusting: old)
            #expect(TLS.status(before) == 200)

            // Nobody there.
            try await failures(gateway, trusting: old, more: 2)
            // Somebody there who makes no sense.
            let own = try certificates.issue("faulty", names: "DNS:localhost")
            let faulty = try RunningProgram(
                "/usr/bin/python3", [Checkout.client("faulty_authority.py"), String(port), own.certificate, own.key],
                logs: gateway.directory, name: "faulty")
            defer { faulty.killTree() }
            try await eventuallyTrue("every fault was met", within: .seconds(60)) {
                faulty.output.split(separator: "\n").count >= 3
            }
            #expect(!gateway.log.contains("\nforged line"))
            faulty.killTree()
            // Somebody there who finds nothing of ours where it looks.
            let nowhere = try FreePort.find()
            let refusing = try await PebbleServer(
                port: port, certificates: certificates, httpPort: nowhere, tlsPort: nowhere)
            try await eventuallyTrue("a validation failed; \(gateway.log.suffix(2000))", within: .seconds(60)) {
                gateway.log.contains("is invalid")
            }
            refusing.stop()
            #expect(try await probe(gateway, trusting: old)["serial"] as? String == before["serial"] as? String)
            #expect(try await metric(gateway, "sallyport_tls_certificate_refused", trusting: old) == 1)
            let left = try await metric(gateway, "sallyport_tls_certificate_expiry_seconds", trusting: old) ?? 0
            #expect((1..<170).contains(left), "\(left)")
            try await eventuallyTrue("the alarm", within: .seconds(60)) {
                gateway.log.contains("the certificate is over soon")
            }

            // All is well again.
            let pebble = try await PebbleServer(
                port: port, certificates: certificates, httpPort: plain, tlsPort: gateway.port, refusedNonces: 20)
            let root = try await pebble.root()
            try await eventuallyTrue(
                "the next certificate; \(gateway.log.suffix(2000))", within: .seconds(90), every: .milliseconds(300)
            ) {
                try await probe(gateway, trusting: root)["error"] == nil
            }
            #expect(try await metric(gateway, "sallyport_tls_certificate_refused", trusting: root) == 0)
            try Data().write(to: URL(filePath: stop))
            let report = try await steady
            #expect(report["failed"] as? Int == 0, "\(report)")
            #expect((report["count"] as? Int ?? 0) > 100, "\(report)")
        }

        /// Waits for so many more attempts that failed, by what `/metrics` says.
        private func failures(_ gateway: GatewayProcess, trusting authority: String, more: Int) async throws {
            let name = "sallyport_tls_certificate_failures_total"
            let now = try await metric(gateway, name, trusting: authority) ?? 0
            try await eventuallyTrue(
                "\(more) failures; \(gateway.log.suffix(2000))", within: .seconds(60), every: .milliseconds(200)
            ) {
                try await metric(gateway, name, trusting: authority) ?? 0 >= now + more
            }
        }

        /// Leaves a certificate in the data directory of which seven of ten minutes are over: pauses between attempts follow from
        /// its life.
        private func keepOldCertificate(in dataDirectory: String) throws {
            let folder = certificates.directory
            let configuration = try folder.write(
                "ca.cnf",
                """
                [ca]
                default_ca = own
                [own]
                new_certs_dir = \(folder.path)
                database = \(try folder.write("index.txt", ""))
                rand_serial = yes
                default_md = sha256
                policy = any
                copy_extensions = copy
                [any]
                commonName = optional
                """)
            let (key, request, chain) = (folder.file("old.key"), folder.file("old.csr"), folder.file("old.pem"))
            let formatter = DateFormatter()
            formatter.dateFormat = "yyyyMMddHHmmss'Z'"
            formatter.timeZone = TimeZone(identifier: "UTC")
            formatter.locale = Locale(identifier: "en_US_POSIX")
            for arguments in [
                [
                    "req", "-new", "-subj", "/CN=old", "-addext", "subjectAltName=DNS:\(Self.host)", "-newkey", "ec",
                    "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", request,
                ],
                [
                    "ca", "-batch", "-config", configuration, "-cert", certificates.authority, "-keyfile",
                    certificates.authority + ".key", "-in", request, "-out", chain, "-notext",
                    "-startdate", formatter.string(from: Date(timeIntervalSinceNow: -430)),
                    "-enddate", formatter.string(from: Date(timeIntervalSinceNow: 170)),
                ],
            ] {
                let (exit, text) = try RunningProgram.run("/usr/bin/openssl", arguments)
                try #require(exit == .exited(0), "\(text)")
            }
            for path in [dataDirectory, dataDirectory + "/acme"] {
                try FileManager.default.createDirectory(
                    atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            }
            let pair = dataDirectory + "/acme/certificate.pem"
            let text = try String(contentsOfFile: key, encoding: .utf8) + String(contentsOfFile: chain, encoding: .utf8)
            try #require(
                FileManager.default.createFile(
                    atPath: pair, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600]))
        }
    }
}
