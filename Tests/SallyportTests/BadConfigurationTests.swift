import Foundation
import TestSupport
import Testing

@testable import Sallyport

/// A configuration that must be refused, and what the refusal must say.
struct BadConfiguration: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let text: String
    /// The key path of the problem; empty when the file as a whole cannot be read.
    let path: String
    /// A part of the message.
    let message: String
    /// A part of the hint; empty when there need not be one.
    let hint: String

    init(_ name: String, _ text: String, _ path: String, _ message: String, hint: String = "") {
        testDescription = name
        self.text = text
        self.path = path
        self.message = message
        self.hint = hint
    }
}

@Suite("O03: bad configurations")
struct BadConfigurationTests {
    static let syntax: [BadConfiguration] = [
        .init("anchor", "listen: &a 127.0.0.1:1\n", "", "anchors", hint: "write the value out"),
        .init("alias", "a: 1\nb: *a\n", "", "not supported"),
        .init("tag", "listen: !!str 127.0.0.1:1\n", "", "tags"),
        .init("binary tag", "x: !!binary aGk=\n", "", "tags"),
        .init("duplicate key", "listen: 127.0.0.1:1\nlisten: 127.0.0.1:2\n", "", "set twice", hint: "line 1"),
        .init("nested duplicate", "servers:\n  a: {command: cat}\n  a: {command: cat}\n", "", "set twice"),
        .init("second document", "listen: 127.0.0.1:1\n---\nlisten: 127.0.0.1:2\n", "", "second document"),
        .init("tab", "servers:\n\ta: {command: cat}\n", "", "not valid YAML", hint: "spaces"),
        .init("unclosed", "servers: {a: {command: cat}\n", "", "not valid YAML"),
        .init("list at the root", "- a\n- b\n", "", "not a mapping"),
        .init("text at the root", "hello\n", "", "not a mapping"),
        .init("too deep", String(repeating: "[", count: 60), "", "deeply"),
        .init("list as key", "? [a]\n: b\n", "", "single value"),
        .init("control character", "listen: \"a\u{1}b\"\n", "", "not valid YAML"),
    ]

    static let keys: [BadConfiguration] = [
        .init("unknown key", "listn: 127.0.0.1:1\n", "listn", "unknown key", hint: "did you mean \"listen\""),
        .init(
            "unknown nested key", "oauth: {acces_token_lifetime: 5m}\n", "oauth.acces_token_lifetime", "unknown key",
            hint: "access_token_lifetime"),
        .init("mcpServers in YAML", "mcpServers: {}\n", "mcpServers", "unknown key", hint: "sallyport import"),
        .init("mapping expected", "oauth: yes\n", "oauth", "expected a mapping"),
        .init("listen: port alone", "listen: 8080\n", "listen", "not an address", hint: "127.0.0.1:8080"),
        .init("listen: no port", "listen: 127.0.0.1\n", "listen", "not an address"),
        .init("listen: bad port", "listen: 127.0.0.1:99999\n", "listen", "not an address"),
        .init(
            "public_url: http off loopback", "public_url: http://mcp.example.com\n", "public_url", "in the clear",
            hint: "https://"),
        .init("public_url: path", "public_url: https://example.com/mcp\n", "public_url", "more than scheme"),
        .init("public_url: ftp", "public_url: ftp://x\n", "public_url", "https://"),
        .init("public_url: user", "public_url: https://a@example.com\n", "public_url", "user"),
        .init("public_url missing", "listen: 0.0.0.0:8080\n", "public_url", "must be set", hint: "https://"),
        .init(
            "wildcard in an origin", "cors: {allowed_origins: [\"https://*.example\"]}\n", "cors.allowed_origins[0]",
            "is not an origin"),
        .init("null origin", "cors: {allowed_origins: [\"null\"]}\n", "cors.allowed_origins[0]", "every web page"),
        .init(
            "origin with a path", "cors: {allowed_origins: [\"https://a.example/x\"]}\n", "cors.allowed_origins[0]",
            "not an origin"),
        .init("http origin", "cors: {allowed_origins: [\"http://a.example\"]}\n", "cors.allowed_origins", "forged"),
        .init(
            "duration without unit", "oauth: {access_token_lifetime: 900}\n", "oauth.access_token_lifetime",
            "expected a duration", hint: "900s"),
        .init(
            "duration out of bounds", "oauth: {access_token_lifetime: 40d}\n", "oauth.access_token_lifetime",
            "out of bounds"),
        .init("endless grace", "oauth: {refresh_grace: 2h}\n", "oauth.refresh_grace", "out of bounds"),
        .init(
            "refresh shorter than access", "oauth: {access_token_lifetime: 5h, refresh_token_lifetime: 1h}\n",
            "oauth.refresh_token_lifetime", "shorter"),
        .init(
            "boolean", "oauth: {dynamic_registration: {enabled: yes}}\n", "oauth.dynamic_registration.enabled",
            "true or false"),
        .init("storage", "storage: postgres\n", "storage", "sqlite, memory or the URL"),
        .init("tls without a key", "tls: {certificate: c.pem}\n", "tls.private_key", "is missing", hint: "private_key"),
        .init("tls without a certificate", "tls: {private_key: k.pem}\n", "tls.certificate", "is missing"),
        .init(
            "tls without files", "tls: {certificate: c.pem, private_key: k.pem}\n", "tls.certificate", "cannot be read"),
        .init("tls: misspelt key", "tls: {certificate: c.pem, key: k.pem}\n", "tls.key", "unknown key"),
        .init(
            "tls: redirect by port", "tls: {redirect_listen: 80}\n", "tls.redirect_listen", "not an address",
            hint: "127.0.0.1:80"),
        .init("acme without a name", "tls: {acme: {}}\n", "tls.acme", "no public name", hint: "public_url"),
        .init(
            "acme for an address", "public_url: https://192.0.2.1\ntls: {acme: {}}\n", "tls.acme", "no public name"),
        .init("acme beside files", "tls: {certificate: c.pem, acme: {}}\n", "tls.certificate", "together with acme"),
        .init(
            "acme in the clear", "tls: {acme: {directory_url: \"http://ca.example/dir\"}}\n", "tls.acme.directory_url",
            "not an https address"),
        .init(
            "http-01 without a port", "tls: {acme: {challenge: http-01}}\n", "tls.acme.challenge", "redirect_listen",
            hint: "tls-alpn-01"),
        .init("dns-01", "tls: {acme: {challenge: dns-01}}\n", "tls.acme.challenge", "expected one of"),
        .init("acme: wildcard", "tls: {acme: {domains: [\"*.example.com\"]}}\n", "tls.acme.domains", "is no name"),
        .init("acme: e-mail", "tls: {acme: {email: ops}}\n", "tls.acme.email", "not an e-mail"),
        .init(
            "acme: other names", "public_url: https://a.example\ntls: {acme: {domains: [b.example]}}\n",
            "tls.acme.domains", "do not name a.example"),
        .init(
            "acme: no authority", "tls: {acme: {certificate_authorities: no.pem}}\n",
            "tls.acme.certificate_authorities", "no file"),
        .init("log level", "logging: {level: verbos}\n", "logging.level", "expected one of trace, debug"),
        .init("log format", "logging: {format: jsn}\n", "logging.format", "expected one of", hint: "json"),
        .init("rate", "rate_limits: {registration: fast}\n", "rate_limits.registration", "expected a rate"),
        .init("no provider", "login: {providers: []}\n", "login.providers", "nobody could log in"),
        .init(
            "unknown provider", "login: {providers: [{id: x, type: gitub}]}\n", "login.providers[0].type",
            "expected one of", hint: "github"),
        .init("data_dir is a file", "data_dir: /etc/passwd\n", "data_dir", "not a folder"),
        .init(
            "unset variable", "data_dir: ${SALLYPORT_NO_SUCH}/x\n", "data_dir", "SALLYPORT_NO_SUCH is not set",
            hint: "${SALLYPORT_NO_SUCH:-value}"),
        .init("broken reference", "data_dir: \"${A B}\"\n", "data_dir", "not a reference"),
        .init("unclosed reference", "data_dir: \"${HOME\"\n", "data_dir", "not a reference"),
    ]

    static let servers: [BadConfiguration] = [
        .init("no command", "servers: {a: {args: [x]}}\n", "servers.a", "\"command\" is missing"),
        .init("empty command", "servers: {a: {command: \"\"}}\n", "servers.a.command", "empty"),
        .init("command as list", "servers: {a: {command: [cat]}}\n", "servers.a.command", "expected text"),
        .init("args as text", "servers: {a: {command: cat, args: x}}\n", "servers.a.args", "expected a list"),
        .init("name with a space", "servers: {\"a b\": {command: cat}}\n", "servers.a b", "cannot be the name"),
        .init("name with a slash", "servers: {a/b: {command: cat}}\n", "servers.a/b", "cannot be the name"),
        .init("name with the separator", "servers: {a__b: {command: cat}}\n", "servers.a__b", "cannot be the name"),
        .init("reserved name", "servers: {token: {command: cat}}\n", "servers.token", "taken by a path"),
        .init("misspelt key", "servers: {a: {comand: cat}}\n", "servers.a.comand", "unknown key", hint: "command"),
        .init("env as list", "servers: {a: {command: cat, env: [A=B]}}\n", "servers.a.env", "expected a mapping"),
        .init("env with =", "servers: {a: {command: cat, env: {\"A=B\": c}}}\n", "servers.a.env.A=B", "not the name"),
        .init("env null", "servers: {a: {command: cat, env: {A: }}}\n", "servers.a.env.A", "expected text"),
        .init(
            "NUL in an argument (P01)", "servers: {a: {command: cat, args: [\"a\\0b\"]}}\n", "servers.a.args[0]", "NUL"),
        .init(
            "missing folder", "servers: {a: {command: cat, working_directory: /no/such}}\n",
            "servers.a.working_directory", "no folder"),
        .init(
            "missing secret", "servers: {a: {command: cat, env: {K: \"file:/no/such\"}}}\n", "servers.a.env.K",
            "cannot read the secret file", hint: "text:file:"),
        .init(
            "memory without unit", "servers: {a: {command: cat, limits: {memory: 512}}}\n",
            "servers.a.limits.memory", "expected a size", hint: "512MiB"),
        .init(
            "memory too small", "servers: {a: {command: cat, limits: {memory: 1KiB}}}\n",
            "servers.a.limits.memory", "too small"),
        .init(
            "no sessions", "servers: {a: {command: cat, limits: {sessions: 0}}}\n", "servers.a.limits.sessions",
            "from 1"),
        .init(
            "more prespawned than may run",
            "servers: {a: {command: cat, limits: {sessions: 2}, pool: {prespawn: 3}}}\n", "servers.a.pool.prespawn",
            "limits.sessions is 2", hint: "prespawn fewer"),
        .init("timeout", "servers: {a: {command: cat, timeout: banana}}\n", "servers.a.timeout", "expected a duration"),
    ]

    /// Leaving these out of account would expose something or let somebody in.
    static let unavailable: [BadConfiguration] = [
        .init("redis port", "storage: redis://localhost:99999\n", "storage", "valid port"),
        .init("redis cluster", "storage: redis://a,b\n", "storage", "no sentinel"),
        .init("redis option", "storage: redis://localhost?tls=1\n", "storage", "unknown option"),
        .init("redis authorities", "storage: rediss://localhost?ca=nowhere.pem\n", "storage", "no file"),
        .init("redis sentinel", "storage: redis+sentinel://a,b\n", "storage", "name of the service"),
        .init("sealing key", "sealing_key: abc\n", "sealing_key", "shared store only"),
        .init("rule without a server", "access: {permissions: {tool: [a]}}\n", "access.permissions.tool", "no server"),
        .init(
            "scope with a blank", "access: {permissions: {\"a:*\": [\"a b\"]}}\n", "access.permissions.a:*[0]",
            "cannot be a scope"),
        .init("mapping without a value", "access: {mappings: {Admin: [a]}}\n", "access.mappings.Admin", "no claim"),
        .init("claim with a colon", "access: {claims: [\"a:b\"]}\n", "access.claims", "cannot be the name of a claim"),
        .init("scope mode", "access: {options: {scope_mode: some}}\n", "access.options.scope_mode", "any, all"),
        .init("key of access", "access: {scopes: [a]}\n", "access.scopes", "unknown key"),
        .init("request size", "limits: {request_size: 9MiB}\n", "limits.request_size", "the most is 8MiB"),
        .init("request size of nothing", "limits: {request_size: 1KiB}\n", "limits.request_size", "too small"),
        .init("no calls", "limits: {calls: 0}\n", "limits.calls", "expected a whole number from 1"),
        .init("rate limit", "rate_limits: {per_user: 600}\n", "rate_limits.per_user", "expected a rate"),
        .init("rate of nothing", "rate_limits: {per_client: 0/min}\n", "rate_limits.per_client", "expected a rate"),
        .init(
            "log module", "logging: {level: {gatway: debug}}\n", "logging.level.gatway", "unknown key",
            hint: "did you mean \"gateway\""),
        .init("level of a module", "logging: {level: {http: loud}}\n", "logging.level.http", "expected one of trace"),
        .init("list of levels", "logging: {level: [debug]}\n", "logging.level", "expected"),
        .init("routing", "routing: host\n", "routing", "expected one of path, subdomain"),
        .init(
            "unknown isolation", "servers: {a: {command: cat, isolation: none}}\n", "servers.a.isolation",
            "expected one of session, user, shared"),
        .init(
            "unknown pin", "servers: {a: {command: cat, pin: on}}\n", "servers.a.pin",
            "expected one of off, report, enforce"),
        .init(
            "pins that nobody can approve", "storage: memory\nservers: {a: {command: cat, pin: enforce}}\n",
            "servers.a.pin", "nothing can be approved"),
        .init(
            "name of a tool", "servers: {a: {command: cat, tools: {rename: {rm: \"r m\"}}}}\n",
            "servers.a.tools.rename.rm", "cannot be the name of a tool"),
        .init(
            "one name twice", "servers: {a: {command: cat, tools: {rename: {a: x, b: x}}}}\n",
            "servers.a.tools.rename.b", "already"),
    ]

    @Test("O03: refused with place and reason", arguments: syntax + keys + servers + unavailable)
    func refused(_ bad: BadConfiguration) throws {
        let file = try ConfigurationFile(bad.text)
        let errors = file.errors()
        let found = errors.first { $0.path == bad.path && $0.message.contains(bad.message) }
        let problem = try #require(found, "got: \(errors.map(\.text))")
        #expect(bad.hint.isEmpty || problem.hint?.contains(bad.hint) == true, "hint: \(problem.hint ?? "none")")
        #expect(problem.file == file.path)
        #expect(problem.text.hasPrefix(file.path))
    }

    @Test("O03: the corpus has more than fifty files")
    func corpusSize() {
        #expect(Self.syntax.count + Self.keys.count + Self.servers.count + Self.unavailable.count >= 50)
    }

    @Test("O03: all errors of a file are told at once, each with its line")
    func together() throws {
        let file = try ConfigurationFile(
            """
            listn: 1
            public_url: ftp://x
            servers:
              a b: {command: cat}
              t:
                command: cat
                timeout: banana
                limits: {memory: lots}
            """)
        let errors = file.errors()
        #expect(
            errors.map(\.path).sorted() == [
                "listn", "public_url", "servers.a b", "servers.t.limits.memory", "servers.t.timeout",
            ])
        #expect(errors.first { $0.path == "servers.t.timeout" }?.line == 7)
        #expect(errors.allSatisfy { $0.text.contains(":\($0.line ?? 0): ") })
    }

    @Test(
        "O03: a data directory or store that others can read is refused", arguments: ["", "sallyport.db", "master.key"])
    func openDataDirectory(_ name: String) throws {
        let file = try ConfigurationFile("data_dir: data\n")
        let data = try file.directory.makeFolder("data")
        try FileManager.default.setAttributes([.posixPermissions: name.isEmpty ? 0o755 : 0o700], ofItemAtPath: data)
        if !name.isEmpty {
            _ = FileManager.default.createFile(
                atPath: "\(data)/\(name)", contents: nil, attributes: [.posixPermissions: 0o644])
        }
        let problem = try #require(file.errors().first { $0.path == "data_dir" })
        #expect(problem.hint?.hasPrefix("chmod") == true)
    }

    @Test("O03: a secret file that everybody can read is refused")
    func openSecret() throws {
        let file = try ConfigurationFile("servers: {a: {command: cat, env: {K: \"file:secret\"}}}\n")
        try file.directory.write("secret", "x\n", mode: 0o644)
        #expect(file.errors().first?.message.contains("every user") == true)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file.directory.file("secret"))
        #expect(try file.load().servers[0].environment["K"] == "x")
    }

    @Test("a file that is missing, too large or not text is an error of its own")
    func unreadable() throws {
        let file = try ConfigurationFile(String(repeating: "# x\n", count: 400_000))
        #expect(file.errors().count == 1)
        let directory = try TemporaryDirectory()
        let loader = ConfigurationLoader(
            overrides: ConfigurationOverrides(file: directory.file("none.yaml")), environment: [:])
        let failure = #expect(throws: ConfigurationError.self) { _ = try loader.load() }
        #expect(failure?.errors.first?.message.contains("cannot be read") == true)
        try Data([0x61, 0x3a, 0xff, 0xfe]).write(to: URL(fileURLWithPath: file.path))
        #expect(file.errors().first?.message.contains("not valid YAML") == true)
    }
}
