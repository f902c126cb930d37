import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// What the gateway says at its start when `public_url` does not lead to it.
    @Suite("Start-up look at public_url")
    struct PublicAddress {
        /// What stands at `public_url`.
        enum Front: String, CaseIterable, Sendable, CustomTestStringConvertible {
            case ours, other, redirect, page, stranger, nobody
            var testDescription: String { rawValue }

            /// A word of the log, and whether it is a warning; nil where there is nothing to say.
            var said: (word: String, isWarning: Bool)? {
                switch self {
                case .ours: nil
                case .other: ("issuer https://other.example.com", true)
                case .redirect: ("redirect to https://www.example.com/", true)
                case .page: ("no metadata of an authorization server", true)
                case .stranger: ("unable to get local issuer certificate", true)
                case .nobody: ("could not be reached from here", false)
                }
            }

            /// The site of the proxy in front.
            func site(port: Int, gateway: Int, _ certificates: TestCertificates) throws -> String {
                let body: String
                switch self {
                case .ours: body = "reverse_proxy 127.0.0.1:\(gateway)"
                case .other: body = "respond `{\"issuer\":\"https://other.example.com\"}`"
                case .redirect: body = "redir https://www.example.com{uri}"
                case .page: body = "respond \"It works\""
                case .stranger:
                    let shown = try certificates.issue("stranger", names: "DNS:localhost")
                    body = "tls \(shown.certificate) \(shown.key)\nreverse_proxy 127.0.0.1:\(gateway)"
                case .nobody: body = ""
                }
                return "\(self == .stranger ? "https" : "http")://localhost:\(port) {\n\(body)\n}\n"
            }
        }

        @Test("U-16: the gateway asks its public_url as a client would, and says what clients will stumble over")
        func fronts() async throws {
            let certificates = try TestCertificates()
            for front in Front.allCases {
                let (port, inner) = (try FreePort.find(), try FreePort.find())
                let gateway = try GatewayProcess(
                    configuration: """
                        public_url: http\(front == .stranger ? "s" : "")://localhost:\(port)
                        trusted_proxies: [127.0.0.1]
                        servers: {demo: {command: \(Checkout.binary), args: [demo-server]}}
                        logging: {level: {default: info, access: info}}

                        """, port: inner)
                var proxy: RunningProgram?
                if front != .nobody {
                    let words = try ProxyFrame.caddy(
                        front.site(port: port, gateway: inner, certificates), in: gateway.directory)
                    proxy = try ProxyFrame.start(words, in: gateway.directory, name: front.rawValue)
                    try await eventuallyTrue("\(front)", within: .seconds(30)) {
                        try await onThread { (try? PlainConnection(port: port, timeout: 1)) != nil }
                    }
                }
                defer { proxy?.killTree() }
                try await gateway.start()
                guard let (word, isWarning) = front.said else {
                    try await eventuallyTrue("it asks; \(gateway.log)") {
                        gateway.log.contains("\"path\":\"/.well-known/oauth-authorization-server\"")
                    }
                    #expect(try await gateway.request("GET", "/health").object["warnings"] == nil)
                    #expect(!gateway.log.contains("public_url"), "\(gateway.log)")
                    continue
                }
                try await eventuallyTrue("\(front): \(gateway.log)") { gateway.log.contains(word) }
                let line = gateway.log.split(separator: "\n").first { $0.contains(word) } ?? ""
                #expect(line.contains(isWarning ? "\"warning\"" : "\"notice\"") && line.contains("\"hint\""), "\(line)")
                try await eventuallyTrue("/health says so, where it is wrong", within: .seconds(5)) {
                    let warnings = try await gateway.request("GET", "/health").object["warnings"] as? [String] ?? []
                    return warnings.count == (isWarning ? 1 : 0) && warnings.allSatisfy { $0.hasPrefix("public_url") }
                }
                #expect(try await gateway.request("GET", "/ready").status == 200, "it serves all the same")
            }
        }
    }
}
