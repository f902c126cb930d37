import Foundation
import Gateway
import HTTP
import OAuth
import TestSupport
import Testing

@testable import Sallyport

/// `access` and `rate_limits`, what `policy` says about them, and what becomes of the rules of another gateway.
@Suite("Configuration of access")
struct AccessConfigurationTests {
    private static let policy = """
        servers:
          n8n: {url: "https://n8n.example.com/mcp", tools: {deny: [raw], rename: {list_all: list}}}
          notes: {command: cat}
        access:
          claims: [groups, roles]
          mappings: {"groups:Admin": ["scope:admin"], "groups:User": ["scope:user"], "roles:Dev": ["scope:user"]}
          permissions:
            "n8n:*": ["scope:user"]
            "n8n:delete_*": ["scope:admin"]
            "notes:file:///srv/*": ["scope:user"]
            "notes:nothing": []
          options: {scope_mode: any, default_scope: null}
        rate_limits: {per_user: 600/min, per_client: 10/s, per_address: 1000/h, per_server: null}
        """

    @Test("the words of the contract, and what they mean")
    func words() throws {
        let configuration = try ConfigurationFile(Self.policy).load()
        let rules = try #require(configuration.access)
        #expect(rules.claims == ["groups", "roles"] && rules.mode == .any && rules.defaultScope == nil)
        #expect(rules.mappings["roles:Dev"] == ["scope:user"] && rules.permissions["n8n:delete_*"] == ["scope:admin"])
        #expect(rules.permissions["notes:nothing"] == [] && rules.prompts == nil && rules.otherClaims == ["roles"])
        #expect(rules.allScopes == ["scope:admin", "scope:user"])
        #expect(configuration.rates.perUser == 600 && configuration.rates.perClient == 600)
        #expect(configuration.rates.perAddress == 16 && configuration.rates.perServer == nil)
        #expect(try ConfigurationFile("servers: {a: {command: cat}}\n").load().access == nil)
        let empty = try ConfigurationFile("servers: {a: {command: cat}}\naccess:\n").load()
        #expect(empty.access != nil && empty.notices.contains { $0.message.contains("lets nobody use anything") })
    }

    @Test("what can never count is said")
    func notices() throws {
        let text = """
            servers: {n8n: {command: cat}}
            access:
              claims: [groups]
              mappings: {"roles:Dev": [b]}
              permissions: {"n8n:x": [a], "admin:*": [b], "*": [b]}
            """
        let notices = try ConfigurationFile(text).load().notices
        func said(_ path: String, _ part: String) -> Bool {
            notices.contains { $0.path == path && $0.message.contains(part) }
        }
        #expect(said("access.permissions.admin:*", "no server has such a name"))
        #expect(said("access.mappings.roles:Dev", "never counts"))
        #expect(said("access", "no mapping gives the scope \"a\""))
        #expect(!notices.contains { $0.path == "access.permissions.*" })
    }

    @Test("explain answers with the gateway's own rules, whatever way a tool is named")
    func explain() throws {
        let oracle = PolicyOracle(try ConfigurationFile(Self.policy).load())
        func answer(_ text: String, server: String? = nil, groups: [String], kind: AccessKind = .tool) throws
            -> PolicyAnswer
        {
            let question = try #require(oracle.question(kind, text, server: server))
            return oracle.answer(question) { $0 == "groups" ? groups : [] }
        }
        for (text, server) in [("n8n:delete_it", nil), ("n8n__delete_it", nil), ("delete_it", "n8n")]
            as [(String, String?)]
        {
            let refused = try answer(text, server: server, groups: ["User"])
            #expect(!refused.isAllowed && refused.rule == "n8n:delete_*" && refused.missing == ["scope:admin"])
            #expect(refused.holds == ["scope:user"] && refused.because.contains("needs scope:admin"))
            #expect(try answer(text, server: server, groups: ["Admin"]).isAllowed)
        }
        let renamed = try #require(oracle.question(.tool, "n8n__list", server: nil))
        #expect(renamed.name == "list_all", "the server's own name")
        #expect(try answer("n8n__list", groups: ["User"]).isAllowed)
        let denied = try answer("n8n:raw", groups: ["User"])
        #expect(!denied.isAllowed && denied.reason == .tools)
        let silent = try answer("notes:other", groups: ["User", "Admin"])
        #expect(!silent.isAllowed && silent.reason == .silence && silent.rule == nil)
        #expect(try answer("notes:file:///srv/x", groups: ["User"], kind: .resource).isAllowed)
        #expect(try answer("notes:file:///srv/../x", groups: ["User"], kind: .resource).isAllowed == false)
        #expect(
            oracle.question(.tool, "nowhere", server: nil) == nil && oracle.question(.tool, "x", server: "y") == nil)
        let open = PolicyOracle(try ConfigurationFile("servers: {a: {command: cat}}\n").load())
        let free = open.answer(try #require(open.question(.tool, "x", server: nil))) { _ in [] }
        #expect(free.isAllowed && free.reason == .noPolicy)
        #expect(try answer("n8n:x", groups: []).json(user: "alice").contains(#""missing":["scope:user"]"#))
    }

    @Test("cases under version control pass, or say what came instead")
    func cases() throws {
        let oracle = PolicyOracle(try ConfigurationFile(Self.policy).load())
        func failures(_ text: String) throws -> [String?] {
            let context = ConfigurationContext(file: "cases.yaml", environment: [:])
            let cases = PolicyCase.list(in: try YAMLReader.read(Array(text.utf8)), context)
            #expect(!context.hasErrors, "\(context.problems)")
            return cases.map { $0.failure(oracle) }
        }
        let good = """
            cases:
              - {name: users list, groups: [User], tool: "n8n:list_all", allow: true, rule: "n8n:*"}
              - {groups: [User], tool: "n8n:delete_x", allow: false, rule: "n8n:delete_*"}
              - {claims: {roles: Dev}, resource: "notes:file:///srv/a", allow: true}
              - {prompt: "notes:greet", allow: false}
            """
        #expect(try failures(good) == [nil, nil, nil, nil])
        let bad = try failures(
            """
            cases:
              - {groups: [User], tool: "n8n:delete_x", allow: true}
              - {groups: [User], tool: "n8n:x", allow: true, rule: "n8n:x"}
              - {groups: [User], tool: "other:x", allow: true}
            """)
        #expect(bad[0]?.contains("must be allowed and is not: by the rule \"n8n:delete_*\"") == true)
        #expect(bad[1]?.contains("must be decided by the rule \"n8n:x\"") == true)
        #expect(bad[2]?.contains("names no server") == true)
        let context = ConfigurationContext(file: "cases.yaml", environment: [:])
        let broken = "cases:\n  - {tool: \"a:b\", prompt: \"a:b\", allow: true}\n  - {tool: \"a:b\", alow: true}\n"
        _ = PolicyCase.list(in: try YAMLReader.read(Array(broken.utf8)), context)
        #expect(context.problems.count == 3, "\(context.problems)")
    }

    @Test("Examples/groups loads, and keeps the promises of its cases")
    func example() throws {
        func text(_ name: String) throws -> String {
            try String(contentsOfFile: Checkout.root + "/Examples/groups/\(name)", encoding: .utf8)
        }
        let configuration = try ConfigurationFile(text("sallyport.yaml")).load()
        let said = configuration.notices.map(\.path).filter { $0.hasPrefix("access") }
        #expect(said == ["access.permissions.git:git_reset"], "that it lets nobody is meant")
        #expect(configuration.rates.perUser == 600)
        let context = ConfigurationContext(file: "policy-test.yaml", environment: [:])
        let cases = PolicyCase.list(in: try YAMLReader.read(Array(try text("policy-test.yaml").utf8)), context)
        #expect(cases.count == 6 && !context.hasErrors)
        let oracle = PolicyOracle(configuration)
        for entry in cases { #expect(entry.failure(oracle) == nil, "\(entry.name)") }
    }

    /// As its README has it, with what its program made of such rules.
    private static let gateway = """
        server: {url: "http://localhost:8082"}
        oauth:
          enabled: true
          provider: "okta"
          authorization_servers: ["${OKTA_ISSUER}"]
          scopes_supported: ["openid", "groups"]
        okta: {issuer: "${OKTA_ISSUER}", org_url: "${OKTA_ORG_URL}", private_key_id: "${OKTA_KEY_ID}"}
        auth:
          claims: ["groups"]
          mappings:
            "groups:Admin": ["scope:admin"]
            "groups:User": ["scope:user"]
          permissions:
            "n8n:*": ["scope:user"]
            "n8n:deleteAll": ["scope:admin"]
            "admin:*": ["scope:admin"]
          options: {scope_mode: "any", default_scope: null}
        proxy:
          servers:
            - name: "n8n"
              type: "streamable-http"
              connection: {url: "${N8N_URL}", timeout: 30s}
              auth: {type: "header", header: "x-n8n-key", value: "${N8N_PROXY_KEY}"}
          proxy_config: {cache_ttl: 180s, heartbeat: {interval_seconds: 10, jitter: 2}}
        cors: {enabled: true, allowed_origins: ["https://app.example.com"], allowed_methods: [GET], allowed_headers: ["*"]}
        telemetry: {enabled: true}
        """

    private static let variables = [
        "OKTA_ISSUER": "https://id.example.com/oauth2/default", "N8N_URL": "https://n8n.example.com/mcp",
        "N8N_PROXY_KEY": "secret",
    ]

    @Test("S3-42: the configuration of mcp-gateway keeps the meaning of its rules, and its accidents are told")
    func imported() throws {
        #expect(MCPGatewayImport.fits(Array(Self.gateway.utf8)) && !MCPGatewayImport.fits(Array("{}".utf8)))
        let result = MCPGatewayImport.yaml(of: Array(Self.gateway.utf8), file: "config.yaml")
        let configuration = try ConfigurationFile(try #require(result.yaml)).load(Self.variables)
        let rules = try #require(configuration.access)
        #expect(rules.claims == ["groups"] && rules.mode == .any && rules.defaultScope == nil)
        #expect(
            rules.permissions
                == ["n8n:*": ["scope:user"], "n8n:deleteAll": ["scope:admin"], "admin:*": ["scope:admin"]])
        #expect(rules.mappings == ["groups:Admin": ["scope:admin"], "groups:User": ["scope:user"]])
        let server = try #require(configuration.servers.first)
        #expect(server.name == "n8n" && server.timeout == .seconds(30) && server.remote != nil)
        #expect(server.remote?.rediscovery == .seconds(180) && server.remote?.heartbeat == .seconds(10))
        #expect(!said(result).contains("okta.issuer"), "it is the one that is named")
        #expect(!configuration.oauth.hasAuthorizationServer && configuration.oauth.externalIssuers.count == 1)
        #expect(configuration.allowedOrigins.count == 1)
        let said = said(result)
        for part in [
            "deleteAll\" never counted there", "chance there", "did not fit a \"/\"", "case did not count",
            "was refused", "lists showed everything", "no audience was checked", "server.url", "oauth.provider",
            "oauth.scopes_supported", "okta.org_url", "okta.private_key_id", "cors.allowed_methods",
            "cors.allowed_headers", "cache_ttl: is rediscovery", "interval_seconds: is heartbeat", "heartbeat.jitter",
            "telemetry: is not known",
        ] { #expect(said.contains(part), "\(part)") }
        #expect(result.yaml?.contains("secret") == false && result.yaml?.contains("${N8N_PROXY_KEY}") == true)
    }

    private func said(_ result: (yaml: String?, problems: [ConfigurationProblem])) -> String {
        result.problems.map(\.text).joined(separator: "\n")
    }

    @Test("S3-42: without a list of issuers it is Okta's; what is off, or no duration here, is told or 0s")
    func otherSettings() throws {
        let text = Self.gateway.replacing("authorization_servers: [\"${OKTA_ISSUER}\"]", with: "enabled_for: all")
            .replacing("180s", with: "30d").replacing("interval_seconds: 10, jitter: 2", with: "enabled: false")
        let result = MCPGatewayImport.yaml(of: Array(text.utf8), file: "config.yaml")
        let configuration = try ConfigurationFile(try #require(result.yaml)).load(Self.variables)
        #expect(configuration.oauth.externalIssuers.map(\.issuer.text) == ["https://id.example.com/oauth2/default"])
        #expect(configuration.servers.first?.remote?.heartbeat == nil, "0s")
        #expect(said(result).contains("\"30d\" is left out") && said(result).contains("oauth.enabled_for"))
    }

    @Test("S3-42: a default scope let everybody in there, and so it does here; what cannot mean the same is refused")
    func defaults() throws {
        let open = Self.gateway.replacing("default_scope: null", with: "default_scope: \"scope:user\"")
        let configuration = try ConfigurationFile(
            try #require(MCPGatewayImport.yaml(of: Array(open.utf8), file: "c.yaml").yaml)
        ).load(Self.variables)
        let oracle = PolicyOracle(configuration)
        func isAllowed(_ tool: String, _ groups: [String]) throws -> Bool {
            let question = try #require(oracle.question(.tool, tool, server: nil))
            return oracle.answer(question) { $0 == "groups" ? groups : [] }.isAllowed
        }
        #expect(try isAllowed("n8n:x", []) == false, "the rule still counts")
        #expect(configuration.access?.defaultScope == "scope:everybody")
        let other = Self.gateway.replacing("default_scope: null", with: "default_scope: guest")
            .replacing("\"n8n:*\": [\"scope:user\"]", with: "\"n8n:a*\": [\"scope:user\"]")
        let open2 = PolicyOracle(
            try ConfigurationFile(
                try #require(MCPGatewayImport.yaml(of: Array(other.utf8), file: "c.yaml").yaml)
            ).load(Self.variables))
        let question = try #require(open2.question(.tool, "n8n:x", server: nil))
        #expect(open2.answer(question) { _ in [] }.isAllowed)
        let classes = Self.gateway.replacing("admin:*", with: "n8n:[ab]*")
        #expect(MCPGatewayImport.yaml(of: Array(classes.utf8), file: "c.yaml").yaml == nil)
        let off = Self.gateway.replacing("scope_mode: \"any\"", with: "enabled: false")
        let free = try #require(MCPGatewayImport.yaml(of: Array(off.utf8), file: "c.yaml").yaml)
        #expect(try ConfigurationFile(free).load(Self.variables).access == nil)
    }
}
