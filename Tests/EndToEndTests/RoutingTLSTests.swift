import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// `routing: subdomain` over TLS: a wildcard certificate here or in a proxy, and certificates from an authority.
    @Suite("Routing by subdomain, over TLS")
    struct RoutingTLS {
        static let host = "mcp.example.test"
        let certificates: TestCertificates

        init() throws {
            certificates = try TestCertificates()
        }

        /// Where TLS ends.
        enum Door: String, CaseIterable, Sendable, CustomTestStringConvertible {
            case here, nginx, caddy
            var testDescription: String { rawValue }
        }

        /// A gateway that clients reach at `port` by https, and what stands in front of it.
        private func gateway(_ door: Door, port: Int) async throws -> (GatewayProcess, RunningProgram?) {
            let shown = try certificates.issue("wildcard", names: "DNS:\(Self.host),DNS:*.\(Self.host)")
            let inner = door == .here ? port : try FreePort.find()
            let tls = "tls: {certificate: \(shown.certificate), private_key: \(shown.key)}\n"
            let gateway = try GatewayProcess(
                configuration: """
                    public_url: https://\(Self.host):\(port)
                    routing: subdomain
                    servers:
                      one: {command: \(Checkout.binary), args: [demo-server]}
                      two: {command: \(Checkout.binary), args: [demo-server]}
                    \(door == .here ? tls : "trusted_proxies: [127.0.0.1]")

                    """, port: inner, isSecure: door == .here)
            try await gateway.start()
            try await gateway.addUser(EndToEnd.user, password: EndToEnd.password)
            guard door != .here else { return (gateway, nil) }
            let proxy = try front(door, port: port, inner: inner, shown, in: gateway.directory)
            try await eventuallyTrue("\(door); \(proxy.errors)", within: .seconds(30)) {
                try await onThread { (try? PlainConnection(port: port, timeout: 1)) != nil }
            }
            return (gateway, proxy)
        }

        /// The proxy as docs/operations.md configures it.
        private func front(
            _ door: Door, port: Int, inner: Int, _ shown: (certificate: String, key: String),
            in directory: TemporaryDirectory
        ) throws -> RunningProgram {
            let text = try String(contentsOfFile: Checkout.root + "/docs/operations.md", encoding: .utf8)
            let section = text.components(separatedBy: "\n## Servers at hosts of their own\n").last ?? ""
            let block = section.components(separatedBy: "```\(door == .nginx ? "nginx" : "caddyfile")\n").dropFirst()
                .first?.components(separatedBy: "```").first
            let documented = try #require(block, "the configuration is documented")
                .replacingOccurrences(of: "mcp.example.com", with: Self.host)
                .replacingOccurrences(of: "127.0.0.1:8080", with: "127.0.0.1:\(inner)")
                .replacingOccurrences(of: "/etc/ssl/mcp/chain.pem", with: shown.certificate)
                .replacingOccurrences(of: "/etc/ssl/mcp/key.pem", with: shown.key)
            let words: [String]
            if door == .nginx {
                words = try ProxyFrame.nginx(
                    documented.replacingOccurrences(of: "listen 443 ssl", with: "listen 127.0.0.1:\(port) ssl"),
                    in: directory)
            } else {
                words = try ProxyFrame.caddy(
                    documented.replacingOccurrences(
                        of: "\(Self.host), *.\(Self.host)", with: "\(Self.host):\(port), *.\(Self.host):\(port)"),
                    in: directory)
            }
            return try ProxyFrame.start(words, in: directory, name: door.rawValue)
        }

        @Test(
            "S4-19, S4-20: a real client logs in and calls a server at its own host, by a wildcard certificate",
            arguments: Door.allCases)
        func client(door: Door) async throws {
            let port = try FreePort.find()
            let (gateway, proxy) = try await gateway(door, port: port)
            defer { proxy?.killTree() }
            let browser = "\(Checkout.python("current")) \(Checkout.client("browser.py")) %s"
            for place in door == .here ? [0, 2] : [1] {
                let client = EndToEnd.Clients.all[place]
                let report = try await PythonClient.run(
                    client.script, in: client.environment,
                    [
                        "url": "https://one.\(Self.host):\(port)/mcp", "user": EndToEnd.user,
                        "password": EndToEnd.password, "mode": client.mode ?? "", "refresh": true, "local": Self.host,
                        "plan": [["tool": "add", "arguments": ["a": 2, "b": 3]]],
                    ],
                    extra: [
                        "BROWSER": browser, "WALK_USER": EndToEnd.user, "WALK_PASSWORD": EndToEnd.password,
                        "SSL_CERT_FILE": certificates.authority,
                    ])
                let results = report["results"] as? [[String: Any]] ?? []
                #expect(results.first?["text"] as? String == "5", "\(client) \(report) \(gateway.log.suffix(2000))")
            }
            guard door == .here else { return }
            // SNI and Host by themselves: every name is served, a stranger's is not.
            let names = [Self.host, "one.\(Self.host)", "two.\(Self.host)"]
            let report = try await PythonClient.run(
                "tls_probe.py", in: "current",
                [
                    "port": port, "authority": certificates.authority,
                    "probes": (names + ["three.\(Self.host)"]).map {
                        ["name": $0, "targets": ["/.well-known/oauth-protected-resource"]]
                    },
                ])
            let seen = report["results"] as? [[String: Any]] ?? []
            #expect(seen.map { TLS.status($0) } == [200, 200, 200, 421], "\(seen)")
            for (name, answer) in zip(names, seen) {
                let body = (answer["answers"] as? [[String: Any]])?.first?["body"] as? String ?? ""
                #expect(body.contains("\"https://\(name):\(port)/mcp\""), "\(body)")
            }
            try await gateway.logs("https://one.\(Self.host):\(port)/mcp")
        }

        @Test("O04, F21: an authority certifies every host, and the one that a change of the configuration adds")
        func authority() async throws {
            let (port, directory) = (try FreePort.find(), try FreePort.find())
            let plain = try FreePort.find()
            func configuration(_ servers: [String]) -> String {
                """
                public_url: https://\(Self.host)
                routing: subdomain
                servers:
                \(servers.map { "  \($0): {command: \(Checkout.binary), args: [demo-server]}" }.joined(separator: "\n"))
                tls:
                  redirect_listen: 127.0.0.1:\(plain)
                  acme: {directory_url: "https://localhost:\(directory)/dir", certificate_authorities: \(certificates.authority), retry_interval: 1s}

                """
            }
            let gateway = try GatewayProcess(configuration: configuration(["one"]), port: port, isSecure: true)
            let pebble = try await PebbleServer(
                port: directory, certificates: certificates, httpPort: plain, tlsPort: port)
            let root = try await pebble.root()
            try await gateway.start()
            func isServed(_ server: String) async throws -> Bool {
                let name = server.isEmpty ? Self.host : "\(server).\(Self.host)"
                let report = try await PythonClient.run(
                    "tls_probe.py", in: "current",
                    [
                        "port": port, "authority": root,
                        "probes": [["name": name, "host": name, "targets": ["/.well-known/oauth-protected-resource"]]],
                    ])
                let seen = (report["results"] as? [[String: Any]])?.first ?? [:]
                return TLS.status(seen) == 200
            }
            for server in ["", "one"] {
                try await eventuallyTrue("\(server); \(gateway.log)", within: .seconds(90), every: .milliseconds(300)) {
                    try await isServed(server)
                }
            }
            // Who comes in the clear is led to the host that was meant, and no stranger's.
            func expectLed(_ leads: [(String, String)]) async throws {
                for (host, target) in leads {
                    let answer = try await onThread {
                        try PlainHTTP.exchange(port: plain, "GET", "/mcp?a=b", ["Host": host])
                    }
                    #expect(
                        answer.status == 308 && answer.header("location") == "https://\(target)/mcp?a=b", "\(host)")
                }
            }
            let (one, two) = ("one.\(Self.host)", "two.\(Self.host)")
            try await expectLed([
                (one, one), ("\(one):\(plain)", one), ("ONE.\(Self.host)", one), (Self.host, Self.host),
                ("evil.test", Self.host), (two, Self.host), ("a.\(one)", Self.host), ("\(one).evil.test", Self.host),
            ])
            #expect(try await isServed("two") == false)
            let next = try gateway.directory.write("next.yaml", configuration(["one", "two"]))
            try #require(unsafe rename(next, gateway.directory.file("sallyport.yaml")) == 0)
            gateway.program?.signal(SIGHUP)
            try await eventuallyTrue("two; \(gateway.log)", within: .seconds(90), every: .milliseconds(300)) {
                try await isServed("two")
            }
            #expect(try await isServed("one"))
            try await expectLed([(one, one), (two, two)])
        }
    }
}
