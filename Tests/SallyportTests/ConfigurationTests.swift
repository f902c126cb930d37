import AsyncIO
import Foundation
import Gateway
import HTTP
import Telemetry
import TestSupport
import Testing

@testable import Sallyport

@Suite("Configuration")
struct ConfigurationTests {
    @Test("with nothing configured it listens on loopback and keeps state in the user's own directory")
    func builtIn() throws {
        func load(_ environment: [String: String]) throws -> Configuration {
            try ConfigurationLoader(overrides: ConfigurationOverrides(), environment: environment).load()
        }
        let plain = try load(["HOME": "/home/ada"])
        #expect(plain.listen.description == "127.0.0.1:8080")
        #expect(plain.dataDirectory == "/home/ada/.local/share/sallyport")
        #expect(plain.servers.isEmpty)
        #expect(try load(["HOME": "/home/ada", "XDG_DATA_HOME": "/x"]).dataDirectory == "/x/sallyport")
        #expect(try load(["STATE_DIRECTORY": "/var/lib/sallyport"]).dataDirectory == "/var/lib/sallyport")
        #expect(try load([:]).dataDirectory == "/var/lib/sallyport")
    }

    @Test("every key that exists arrives where it belongs")
    func allKeys() throws {
        let file = try ConfigurationFile(
            """
            public_url: https://MCP.example.com
            listen: "[::1]:9000"
            routing: path
            data_dir: state
            storage: memory
            login: {providers: [{id: local, type: local}]}
            oauth:
              access_token_lifetime: 5m
              refresh_token_lifetime: 7d
              refresh_grace: 0s
              dynamic_registration: {enabled: false, client_lifetime: 10d}
            servers:
              time:
                command: cat
                args: [-u, "${ZONE:-UTC}", $5]
                env: {TZ: "${ZONE:-UTC}", N: 5, F: "text:file:x"}
                pass_environment: [HOME]
                working_directory: /tmp
                isolation: user
                timeout: 1m30s
                start_timeout: 45s
                era: modern
                limits: {memory: 512MiB, open_files: 256, sessions: 5}
                pool: {idle_timeout: 10m}
                tools: {allow: ["*"], deny: [], rename: {}}
                pin: report
            rate_limits: {registration: 1/s, handshakes: 50/s}
            limits: {request_size: 1MiB, calls: 7, streams: 8, processes_per_user: 9, processes: 10}
            cors: {allowed_origins: ["https://app.example.com"]}
            logging: {format: json, level: debug}
            audit: {enabled: true, retention: 30d, arguments: true, redact: [iban, X-No]}
            """)
        let configuration = try file.load()
        #expect(configuration.publicURL?.origin == "https://mcp.example.com")
        #expect(configuration.listen.description == "[::1]:9000")
        #expect(configuration.dataDirectory == file.directory.file("state"))
        #expect(configuration.storage == .memory)
        #expect(configuration.oauth.accessTokenLifetime == .seconds(300))
        #expect(configuration.oauth.refreshGrace == .zero)
        #expect(!configuration.oauth.isRegistrationEnabled)
        #expect(configuration.registrationsPerMinute == 60 && configuration.handshakesPerMinute == 3000)
        let limits = configuration.limits
        #expect(limits.requestBytes == 1 << 20 && limits.callsPerPrincipal == 7 && limits.streamsPerPrincipal == 8)
        #expect(limits.sessionsPerUser == 9 && limits.sessions == 10)
        #expect(configuration.allowedOrigins.map(\.origin) == ["https://app.example.com"])
        #expect(configuration.logging == LoggingSettings(format: .json, levels: LogLevels(.debug)))
        #expect(configuration.audit.retention == .seconds(30 * 86_400))
        #expect(configuration.audit.recordsArguments && configuration.audit.redacted == ["iban", "X-No"])
        let server = try #require(configuration.servers.first)
        #expect(server.command == "/usr/bin/cat" || server.command == "/bin/cat")
        #expect(server.arguments == ["-u", "UTC", "$5"])
        #expect(server.environment == ["TZ": "UTC", "N": "5", "F": "file:x"])
        #expect(server.timeout == .seconds(90) && server.effectiveStartTimeout == .seconds(45))
        #expect(server.memoryLimit == 512 << 20 && server.era == .modern)
        #expect(server.maximumSessions == 5)
        #expect(configuration.notices.isEmpty)
    }

    @Test(
        "P05: ten seconds to start, two minutes for what may have to download first",
        arguments: [
            ("/usr/bin/cat", [], 10), ("/usr/bin/python3", ["x.py"], 10), ("/usr/bin/npx", ["-y", "s"], 120),
            ("uvx", ["s"], 120), ("/usr/bin/uv", ["run", "s"], 120),
        ])
    func startTimeouts(command: String, arguments: [String], seconds: Int) {
        var server = ServerSettings(name: "x", command: command)
        server.arguments = arguments
        #expect(server.effectiveStartTimeout == .seconds(seconds))
    }

    @Test("what has no effect yet is told and does not stop the start")
    func notices() throws {
        let file = try ConfigurationFile(
            """
            servers: {a: {command: no-such-program, isolation: user, pool: {prespawn: 1}}}
            """)
        let notices = try file.load().notices
        #expect(notices.count == 2)
        #expect(notices.allSatisfy { $0.severity == .notice && $0.text.contains("note: ") })
    }

    @Test("pool.prespawn counts for sessions and for what all share; a user's process cannot be started ahead")
    func prespawn() throws {
        func load(_ keys: String) throws -> (ServerSettings?, [ConfigurationProblem]) {
            let configuration = try ConfigurationFile("servers: {a: {command: cat, \(keys)}}\n").load()
            return (configuration.servers.first, configuration.notices)
        }
        for keys in ["pool: {prespawn: 3}", "pool: {prespawn: 3}, isolation: shared, limits: {sessions: 2}"] {
            let (server, notices) = try load(keys)
            #expect(server?.prespawned == 3 && notices.isEmpty, "\(notices.map(\.text))")
        }
        #expect(try load("pool: {prespawn: 0}").0?.prespawned == 0)
        let (user, notices) = try load("isolation: user, pool: {prespawn: 1, idle_timeout: 10m}")
        #expect(user?.prespawned == 0 && user?.idleTimeout == .seconds(600))
        #expect(notices.map(\.path) == ["servers.a.pool.prespawn"] && notices.first?.hint != nil)
    }

    @Test("the aggregate is there unless it is switched off, and its separator is one that names can have")
    func aggregate() throws {
        let servers = "servers: {a: {command: cat}}\n"
        func load(_ text: String) throws -> Configuration { try ConfigurationFile(text + servers).load() }
        #expect(try load("").hasAggregate && load("").aggregate == AggregateSettings())
        #expect(try !load("aggregate: {enabled: false}\n").hasAggregate)
        let set = try load("aggregate: {separator: \"-\", instructions: false}\n").aggregate
        #expect(set == AggregateSettings(isEnabled: true, separator: "-", showsInstructions: false))
        for bad in ["\"\"", "\"/\"", "\":\"", "_____", "x", "5", "[]"] {
            #expect(throws: (any Error).self, "\(bad)") { try load("aggregate: {separator: \(bad)}\n") }
        }
        #expect(throws: (any Error).self) { try load("aggregate: {seperator: x}\n") }
    }

    @Test("a command is found in PATH once, or from the file's folder")
    func commands() throws {
        let file = try ConfigurationFile(
            "servers: {a: {command: ./tool}, b: {command: sallyport}, c: {command: cat}}\n")
        try file.directory.write("tool", "#!/bin/sh\n", mode: 0o700)
        let servers = try file.load().servers
        #expect(servers[0].command == "\(file.directory.path)/./tool")
        #expect(servers[1].command == CommandPath.ownExecutable)
        #expect(servers[2].command.hasSuffix("bin/cat"))
    }

    @Test("P01: what a variable holds never becomes structure and is not expanded again")
    func interpolation() throws {
        let variables = ["EVIL": "x], command: [rm, ${HOME}", "EMPTY": "", "A1": "one"]
        func expand(_ text: String) throws(InterpolationError) -> String {
            try Interpolation.expand(text, environment: variables)
        }
        #expect(try expand("${EVIL}") == "x], command: [rm, ${HOME}")
        #expect(try expand("a${A1}b${A1}") == "aonebone")
        #expect(try expand("${env:A1}") == "one")
        #expect(try expand("${EMPTY}") == "")
        #expect(try expand("${EMPTY:-d}") == "d")
        #expect(try expand("${NONE:-}") == "")
        #expect(try expand("${NONE:-a:-b}") == "a:-b")
        #expect(try expand("$$ $ $x $${A1}") == "$ $ $x ${A1}")
        #expect(throws: InterpolationError.unset("NONE")) { try expand("${NONE}") }
        for broken in ["${", "${A1", "${}", "${1A}", "${A-1}", "${A1:+x}", "${A1:x}", "${é}"] {
            #expect(throws: InterpolationError.self, "\(broken)") { try expand(broken) }
        }
    }

    @Test(
        "durations",
        arguments: [
            ("15m", 900), ("1h30m", 5400), ("30d", 2_592_000), ("0s", 0), ("1500ms", 1.5),
        ])
    func durations(_ text: String, _ seconds: Double) {
        #expect(Units.duration(text) == .milliseconds(Int64(seconds * 1000)))
    }

    @Test(
        "what is no duration, size or rate",
        arguments: [
            "", "15", "m", "-5m", "+5m", "1.5h", "5 m", "5M", "1h 2m", "99999999999999999999d", "999999999999999999d",
            "٣m",
        ])
    func badUnits(_ text: String) {
        #expect(Units.duration(text) == nil)
        #expect(Units.size(text) == nil)
        #expect(Units.perMinute(text) == nil)
    }

    @Test("sizes and rates")
    func sizes() {
        #expect(Units.size("512MiB") == 512 << 20)
        #expect(Units.size("1KB") == 1000)
        #expect(Units.size("9999999999999TiB") == nil)
        #expect(Units.perMinute("600/min") == 600)
        #expect(Units.perMinute("600/h") == 10)
    }

    @Test("the command line wins over the file")
    func overrides() throws {
        let file = try ConfigurationFile("listen: 127.0.0.1:1\ndata_dir: a\n")
        let data = file.path + ".data"
        let overrides = ConfigurationOverrides(file: file.path, listen: "localhost:2", dataDirectory: data)
        let configuration = try ConfigurationLoader(overrides: overrides, environment: [:]).load()
        #expect(configuration.listen.description == "127.0.0.1:2")
        #expect(configuration.dataDirectory == data)
    }
}

@Suite("--public-url")
struct PublicURLOverrideTests {
    private func load(_ url: String, isBridge: Bool = false) throws(ConfigurationError) -> Configuration {
        var overrides = ConfigurationOverrides(listen: "0.0.0.0:8080", publicURL: url)
        overrides.isBridge = isBridge
        return try ConfigurationLoader(overrides: overrides, environment: ["HOME": "/nonexistent"]).load()
    }

    @Test("O03: it is held to the same rules as the file; a bridge may be named as its front door names it")
    func rules() throws {
        #expect(try load("https://mcp.example.com").publicURL?.origin == "https://mcp.example.com")
        #expect(throws: ConfigurationError.self) { try load("http://mcp.example.com") }
        #expect(throws: ConfigurationError.self) { try load("mcp.example.com") }
        #expect(try load("http://bridge:8080", isBridge: true).publicURL?.origin == "http://bridge:8080")
    }
}
