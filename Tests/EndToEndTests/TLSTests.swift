import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// TLS that ends in the gateway.
    @Suite("TLS")
    struct TLS {
        let certificates: TestCertificates

        init() throws {
            certificates = try TestCertificates()
        }

        /// A gateway that shows a certificate for `names`.
        func gateway(names: String = "DNS:localhost,IP:127.0.0.1", _ settings: String = "", tls: String = "")
            async throws -> (GatewayProcess, shown: (certificate: String, key: String))
        {
            let shown = try certificates.issue("server-\(UUID().uuidString.prefix(6))", names: names)
            let gateway = try GatewayProcess(
                configuration: """
                    tls: {certificate: \(shown.certificate), private_key: \(shown.key)\(tls)}
                    \(settings)

                    """, isSecure: true)
            try await gateway.start()
            return (gateway, shown)
        }

        /// What a client sees that connects in these ways.
        func probe(_ gateway: GatewayProcess, _ probes: [[String: Any]]) async throws -> [[String: Any]] {
            let report = try await PythonClient.run(
                "tls_probe.py", in: "current",
                ["port": gateway.port, "authority": certificates.authority, "probes": probes])
            return try #require(report["results"] as? [[String: Any]])
        }

        static func fields(_ probe: [String: Any], _ name: String, answer index: Int = 0) -> [String] {
            let answers = probe["answers"] as? [[String: Any]] ?? []
            let fields = index < answers.count ? answers[index]["fields"] as? [[String]] ?? [] : []
            return fields.filter { $0.first == name }.compactMap(\.last)
        }

        static func status(_ probe: [String: Any]) -> Int? {
            (probe["answers"] as? [[String: Any]])?.first?["status"] as? Int
        }

        @Test("O04: a real client logs in and calls over TLS that ends here, and everything says https")
        func login() async throws {
            let (gateway, _) = try await gateway()
            try await gateway.addUser(EndToEnd.user, password: EndToEnd.password)
            let client = try #require(EndToEnd.Clients.all.first)
            let browser = "\(Checkout.python("current")) \(Checkout.client("browser.py")) %s"
            let report = try await PythonClient.run(
                client.script, in: client.environment,
                [
                    "url": gateway.origin + "/demo/mcp", "user": EndToEnd.user, "password": EndToEnd.password,
                    "plan": [["tool": "echo", "arguments": ["message": String(repeating: "é", count: 15_000)]]],
                    "refresh": true, "mode": "legacy",
                ],
                extra: [
                    "BROWSER": browser, "WALK_USER": EndToEnd.user, "WALK_PASSWORD": EndToEnd.password,
                    "SSL_CERT_FILE": certificates.authority,
                ])
            let results = report["results"] as? [[String: Any]] ?? []
            #expect(results.first?["error"] as? Bool == false)
            #expect((results.first?["text"] as? String)?.utf8.count == 30_000)

            let paths = [
                "/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource/demo/mcp", "/login",
            ]
            let answers = try await probe(gateway, paths.map { ["targets": [$0]] })
            for (path, answer) in zip(paths, answers).prefix(2) {
                let body = (answer["answers"] as? [[String: Any]])?.first?["body"] as? String ?? ""
                #expect(body.contains("https://localhost:\(gateway.port)"), "\(path)")
                #expect(!body.contains("http://"), "\(path)")
            }
            let cookies = Self.fields(answers[2], "set-cookie")
            #expect(!cookies.isEmpty)
            #expect(cookies.allSatisfy { $0.hasPrefix("__Host-") && $0.contains("; Secure") }, "\(cookies)")
        }

        @Test("O04: TLS 1.2 and 1.3 with AEAD and ephemeral keys, and nothing that a scanner finds beside them")
        func scan() async throws {
            let (gateway, _) = try await gateway()
            let port = gateway.port
            let folder = try TemporaryDirectory("scan")
            let report = folder.file("report.xml")
            let scan = try await onThread {
                try RunningProgram.run("/usr/bin/sslscan", ["--xml=\(report)", "--no-colour", "localhost:\(port)"])
            }
            #expect(scan.exit == .exited(0), "\(scan.text)")
            let text = try String(contentsOfFile: report, encoding: .utf8)
            func elements(_ name: String) -> [String] {
                text.components(separatedBy: "<\(name) ").dropFirst().map { $0.components(separatedBy: "/>")[0] }
            }
            let enabled = elements("protocol").filter { $0.contains("enabled=\"1\"") }
            #expect(enabled.count == 2, "\(enabled)")
            #expect(enabled.allSatisfy { $0.contains("version=\"1.2\"") || $0.contains("version=\"1.3\"") })
            let ciphers = elements("cipher")
            #expect(ciphers.count == 6, "\(ciphers)")
            for cipher in ciphers {
                #expect(cipher.contains("GCM") || cipher.contains("CHACHA20"), "\(cipher)")
                #expect(cipher.contains("cipher=\"ECDHE-") || cipher.contains("cipher=\"TLS_"), "\(cipher)")
            }
            #expect(elements("renegotiation").allSatisfy { $0.contains("supported=\"0\"") })
            #expect(elements("compression").allSatisfy { $0.contains("supported=\"0\"") })
            #expect(elements("heartbleed").allSatisfy { $0.contains("vulnerable=\"0\"") })
        }

        @Test("O04, H11: old versions, weak ciphers and clients that speak HTTP/2 alone get no connection")
        func refusals() async throws {
            let (gateway, _) = try await gateway()
            let bad: [[String: Any]] = [
                ["minimum": "1.0", "maximum": "1.0"], ["minimum": "1.1", "maximum": "1.1"],
                ["maximum": "1.2", "ciphers": "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384:@SECLEVEL=0"],
                ["maximum": "1.2", "ciphers": "AES128-GCM-SHA256:DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0"],
                ["alpn": ["h2"]], ["alpn": ["h2", "http/1.0"]], ["alpn": ["acme-tls/1"]],
            ]
            let good: [[String: Any]] = [
                ["maximum": "1.2"], ["minimum": "1.3"], ["alpn": ["h2", "http/1.1"]], ["alpn": ["http/1.1"]], [:],
            ]
            let results = try await probe(gateway, bad + good)
            for (way, result) in zip(bad, results) {
                #expect(result["answers"] == nil && result["error"] != nil, "\(way): \(result)")
            }
            for (way, result) in zip(good, results.dropFirst(bad.count)) {
                #expect(Self.status(result) == 200, "\(way): \(result)")
                #expect(result["alpn"] as? String == (way["alpn"] == nil ? nil : "http/1.1"), "\(way)")
            }
        }

        @Test("O04: answers of a public name tell browsers to stay with https; those of loopback do not")
        func strictTransport() async throws {
            let (local, _) = try await gateway()
            let (named, _) = try await gateway(
                names: "DNS:mcp.example.test", "public_url: https://mcp.example.test")
            let targets = ["/live", "/", "/nothing/here", "/mcp", "/demo/mcp"]
            let probes: [[String: Any]] = targets.map {
                ["name": "mcp.example.test", "host": "mcp.example.test", "targets": [$0]]
            }
            for (target, result) in zip(targets, try await probe(named, probes)) {
                #expect(
                    Self.fields(result, "strict-transport-security") == ["max-age=31536000"], "\(target): \(result)")
            }
            for result in try await probe(local, [[:], ["targets": ["/"]]]) {
                #expect(Self.status(result) == 200)
                #expect(Self.fields(result, "strict-transport-security").isEmpty)
            }
        }

        @Test("a18, O04: beside it, requests in the clear learn the right address, and nothing that they sent is used")
        func redirect() async throws {
            let plain = try FreePort.find()
            let (gateway, _) = try await gateway(tls: ", redirect_listen: \"127.0.0.1:\(plain)\"")
            func ask(_ method: String, _ target: String, _ headers: [String: String] = [:]) async throws
                -> PlainResponse
            {
                try await onThread { try PlainHTTP.exchange(port: plain, method, target, headers) }
            }
            let answer = try await ask("GET", "/demo/mcp?a=b", ["Host": "evil.example"])
            #expect(answer.status == 308)
            #expect(answer.header("location") == "https://localhost:\(gateway.port)/demo/mcp?a=b")
            #expect(
                try await ask("GET", "//evil.example/").header("location")
                    != "https://localhost:\(gateway.port)//evil.example/")
            let post = try await ask("POST", "/demo/mcp", ["Authorization": "Bearer x"])
            #expect(post.status == 403 && post.header("location") == nil)
            for path in ["/metrics", "/.well-known/acme-challenge/x", "/.well-known/acme-challenge/../../etc/passwd"] {
                #expect(try await ask("GET", path).status != 200, "\(path)")
            }
            #expect(try await gateway.terminate() == .exited(0))
        }

        @Test("O03, O04: a key that others can read, or that belongs to another certificate, stops check and start")
        func badPairs() async throws {
            let shown = try certificates.issue("one", names: "DNS:localhost")
            let other = try certificates.issue("two", names: "DNS:localhost")
            let open = try certificates.issue("open", names: "DNS:localhost")
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: open.key)
            let folder = try TemporaryDirectory("pairs")
            for (certificate, key, reason) in [
                (shown.certificate, other.key, "belongs to another certificate"),
                (open.certificate, open.key, "can be read by every user"),
                (shown.key, shown.key, "the certificate cannot be read"),
                (shown.certificate, "/nowhere.pem", "cannot be read"),
            ] {
                let file = try folder.write(
                    "sallyport.yaml", "tls: {certificate: \(certificate), private_key: \(key)}\n")
                for command in ["check", "serve"] {
                    let run = try RunningProgram(
                        Checkout.binary, [command, "--config", file, "--data-dir", folder.file("data")],
                        environment: GatewayProcess.environment(home: folder.path), logs: folder)
                    defer { run.killTree() }
                    #expect(try await run.waitUntilExit() == .exited(78))
                    #expect(run.errors.contains(reason), "\(command): \(run.errors)")
                    #expect(run.errors.contains("tls."), "\(command): \(run.errors)")
                }
            }
        }

        @Test("O05: rate_limits.handshakes bounds what one address may begin; the next connection is closed unread")
        func handshakes() async throws {
            let (gateway, _) = try await gateway(
                "rate_limits: {handshakes: 2/min}\nlogging: {level: {default: info, http: debug}}")
            let port = gateway.port
            /// What comes back for what is no handshake.
            func answer() async throws -> String {
                try await onThread {
                    let connection = try PlainConnection(port: port)
                    // It may be closed already; then reading says so.
                    try? connection.send("GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    return String(decoding: (try? connection.receiveAll()) ?? [], as: UTF8.self)
                }
            }
            for _ in 0..<2 { #expect(try await answer().hasPrefix("HTTP/1.1 400 ")) }
            #expect(!gateway.log.contains("come too often"))
            #expect(try await answer().isEmpty)
            try await eventuallyTrue("the log to say so: \(gateway.log)") { gateway.log.contains("come too often") }
        }

        @Test(
            "F22: a hundred rotations under load, a quarter of them broken before: no handshake fails, no connection drops"
        )
        func rotation() async throws {
            // All clients come from one address here, and as often as they can.
            let (gateway, shown) = try await gateway("rate_limits: {handshakes: 600000/min}")
            let pairs = try (0..<5).map { try certificates.issue("pair\($0)", names: "DNS:localhost,IP:127.0.0.1") }
            let serials = try pairs.map { pair in
                let text = try RunningProgram.run(
                    "/usr/bin/openssl", ["x509", "-in", pair.certificate, "-noout", "-serial"]
                ).text
                return try #require(text.split(separator: "=").last).trimmingCharacters(in: .whitespacesAndNewlines)
            }
            let entries: [[String: Any]] = zip(pairs, serials).map { pair, serial in
                ["certificate": pair.certificate, "key": pair.key, "serial": serial]
            }
            let report = try await PythonClient.run(
                "rotation.py", in: "current",
                [
                    "port": gateway.port, "authority": certificates.authority, "pairs": entries, "rounds": 100,
                    "paths": [shown.certificate, shown.key],
                ], within: .seconds(240))
            #expect(report["error"] == nil, "\(report)")
            #expect(report["failed"] as? Int == 0, "\(report)")
            #expect((report["dropped"] as? [String])?.isEmpty == true, "\(report)")
            #expect((report["wrong"] as? [String])?.isEmpty == true, "\(report)")
            #expect(report["broken"] as? Int == 25)
            #expect((report["slowest"] as? Double ?? 9) < 1, "\(report)")
            #expect((report["handshakes"] as? Int ?? 0) > 1000, "\(report)")
            #expect((report["requests"] as? Int ?? 0) > 500, "\(report)")
            // Every broken pair was an alarm, in the log and for whoever watches the figures.
            let alarms = gateway.log.components(separatedBy: "the certificate files cannot be used").count - 1
            #expect(alarms >= 20, "\(alarms)")
            let metrics = try await probe(gateway, [["targets": ["/metrics"]]])
            let text = ((metrics.first?["answers"] as? [[String: Any]])?.first?["body"] as? String) ?? ""
            func value(_ name: String) -> Int? {
                text.split(separator: "\n").first { $0.hasPrefix(name + " ") }?.split(separator: " ").last.flatMap {
                    Int($0)
                }
            }
            #expect((value("sallyport_tls_certificate_failures_total") ?? 0) >= 20)
            #expect(value("sallyport_tls_certificate_refused") == 0)
            #expect((1...(2 * 86_400)).contains(value("sallyport_tls_certificate_expiry_seconds") ?? 0))
        }
    }
}
