import AsyncIO
import HTTP
import JSON
import Storage
import Telemetry

extension HealthCommand {
    /// What the command wants to know.
    enum Errand: Sendable {
        /// Whether the gateway can serve.
        case readiness
        /// How its servers are.
        case servers(OperatorSeal)
        /// Whether one of them works.
        case probe(String, OperatorSeal)

        init(_ arguments: ParsedArguments, environment: [String: String]) throws(CommandFailure) {
            guard arguments.has("--servers") || arguments["--server"] != nil else {
                self = .readiness
                return
            }
            let seal = try Self.seal(arguments, environment: environment)
            guard let name = arguments["--server"] else {
                self = .servers(seal)
                return
            }
            guard !name.isEmpty, name.utf8.allSatisfy({ $0.isPlain }) else {
                throw CommandFailure(
                    code: .usage, message: "--server \(LogText.sanitized(name)) is no name of a server")
            }
            self = .probe(name, seal)
        }

        /// Made by the key in the gateway's data directory.
        private static func seal(
            _ arguments: ParsedArguments, environment: [String: String]
        ) throws(CommandFailure) -> OperatorSeal {
            let configuration = try Configuration.forCommand(
                arguments, environment: environment, purpose: .administration())
            guard configuration.storage != .memory else {
                throw CommandFailure(
                    code: .configuration,
                    message: "with storage: memory the gateway has no key that a command could use")
            }
            try StorePlace(configuration).check(isNewAllowed: false)
            if let key = configuration.sealingKey { return OperatorSeal(key) }
            do throws(DatabaseOpeningError) {
                return OperatorSeal(try DataDirectory.openKey(configuration.dataDirectory))
            } catch {
                throw CommandFailure(
                    code: .noPermission, message: "\(error.path): \(error.problem)", hint: error.advice)
            }
        }

        /// How long it may take where nobody says.
        var patience: Duration {
            if case .probe = self { .seconds(60) } else { .seconds(4) }
        }

        /// What is sent.
        var request: [UInt8] {
            switch self {
            case .readiness: Self.request(.get, "/ready", nil)
            case .servers(let seal): Self.request(.get, "/health", seal)
            case .probe(let name, let seal): Self.request(.post, "/health?probe=\(name)", seal)
            }
        }

        private static func request(_ method: HTTPMethod, _ target: String, _ seal: OperatorSeal?) -> [UInt8] {
            var text = "\(method.rawValue) \(target) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            if method == .post { text += "Content-Length: 0\r\n" }
            if let seal {
                text += "\(OperatorSeal.name): \(seal.text(for: method, target, at: WallClock.system.now()))\r\n"
            }
            return Array((text + "\r\n").utf8)
        }

        /// Prints what the gateway said; fails where that is bad news.
        func report(_ answer: Answer, from address: SocketAddress) throws(CommandFailure) -> ExitCode {
            guard answer.isReady else {
                let problem = if case .readiness = self { "is not ready" } else { "refuses" }
                throw CommandFailure(code: .unavailable, message: "\(address) \(problem): \(answer.text)")
            }
            // What is no JSON is words.
            guard let said = try? JSONDocument(parsing: answer.body).root else {
                Console.say(answer.text)
                return .success
            }
            switch self {
            case .readiness:
                Console.say(answer.text)
                return .success
            case .servers: return try Self.list(said, from: address)
            case .probe(let name, _):
                let took = "\(said["duration_ms"]?.integer ?? 0) ms"
                guard said["answered"]?.boolean == true else {
                    let reason = said["reason"]?.string ?? "unknown"
                    throw CommandFailure(
                        code: .unavailable,
                        message: "server \(name) does not answer: \(LogText.sanitized(reason)), after \(took)")
                }
                let version = said["protocol_version"]?.string ?? ""
                Console.say("server \(name) answers, after \(took), in MCP \(LogText.sanitized(version))")
                return .success
            }
        }

        private static func list(_ said: JSONNode, from address: SocketAddress) throws(CommandFailure) -> ExitCode {
            let servers = Array(said["servers"]?.elements.map(\.self) ?? [])
            guard servers.allSatisfy({ $0["state"] != nil }) else {
                throw CommandFailure(
                    code: .unavailable, message: "\(address) does not take the key of this data directory",
                    hint: "name the file of the gateway with --config, or its directory with --data-dir")
            }
            Console.say(
                TextTable.render(
                    ["NAME", "STATE", "SESSIONS", "PROCESSES", "SINCE", "REASON"],
                    servers.map { server in
                        [
                            server["name"]?.string ?? "", server["state"]?.string ?? "",
                            server["sessions"]?.integer.map { String($0) } ?? "",
                            server["processes"]?.integer.map { String($0) } ?? "-", server["since"]?.string ?? "",
                            server["reason"]?.string ?? "",
                        ]
                    }))
            return servers.allSatisfy { $0["available"]?.boolean == true } ? .success : .unavailable
        }
    }
}

extension UInt8 {
    /// Whether it stands in an address as it is.
    fileprivate var isPlain: Bool {
        switch self {
        case 0x61...0x7A, 0x41...0x5A, 0x30...0x39, 0x2D, 0x2E, 0x5F: true
        default: false
        }
    }
}
