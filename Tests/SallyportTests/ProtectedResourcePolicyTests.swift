import Gateway
import TestSupport
import Testing

@testable import Sallyport

/// What `policy explain` and `policy test` say about what `/verify` does.
@Suite("Policy of protected resources")
struct ProtectedResourcePolicyTests {
    private static let policy = """
        public_url: https://auth.example.com
        trusted_proxies: [10.0.0.0/8]
        servers: {notes: {command: cat}}
        protected_resources:
          fetch: {url: "https://fetch.example.com/mcp"}
          files: {url: "https://files.example.com/mcp", scopes: [read, write], required_scopes: [read]}
          dark: {url: "https://dark.example.com/mcp"}
        access:
          mappings: {"groups:Admin": [admin, user], "groups:User": [user]}
          permissions:
            "fetch:*": [user]
            "fetch:delete_*": [admin]
            "fetch:erase": [admin]
            "files:*": [user]
        """

    private func answer(
        _ name: String, _ claims: [String: [String]], change: (String) -> String = { $0 }
    ) throws -> PolicyAnswer {
        let oracle = PolicyOracle(try ConfigurationFile(change(Self.policy)).load())
        return oracle.answer(try #require(oracle.protectedResource(name))) { claims[$0] ?? [] }
    }

    @Test("R05: explain says who gets through at /verify, and which rule stands against it")
    func explain() throws {
        let yes = try answer("fetch", ["groups": ["Admin"]])
        #expect(yes.isAllowed && yes.rule == "fetch:*" && yes.needs == ["user"] && yes.missing.isEmpty)
        let no = try answer("fetch", ["groups": ["User"]])
        #expect(!no.isAllowed && no.rule == "fetch:delete_*" && no.missing == ["admin"] && no.holds == ["user"])
        #expect(no.because.contains("needs admin; held: user; /verify lets through who may use all of it"))
        #expect(try answer("https://fetch.example.com/mcp", ["groups": ["User"]]).isAllowed == false)
        let nobody = try answer("fetch", [:])
        #expect(!nobody.isAllowed && nobody.missing == ["admin", "user"] && nobody.holds.isEmpty)
        let silent = try answer("dark", ["groups": ["Admin"]])
        #expect(!silent.isAllowed && silent.reason == .silence && silent.rule == nil)
        #expect(silent.because.contains("no rule is for all of it"))
        let shut = try answer("fetch", ["groups": ["Admin"]]) {
            $0.replacing("\"fetch:erase\": [admin]", with: "\"fetch:erase\": []")
        }
        #expect(!shut.isAllowed && shut.rule == "fetch:erase" && shut.because.contains("lets nobody"))
        let json = no.json(user: "bob")
        #expect(json.contains(#""protected_resource":"fetch","url":"https://fetch.example.com/mcp""#), "\(json)")
        #expect(json.contains(#""rule":"fetch:delete_*""#) && json.contains(#""user":"bob""#))
    }

    @Test("R05: prompts and resources with rules of their own, default_scope and no access block are told apart")
    func chapters() throws {
        let chapter = try answer("files", ["groups": ["User"]]) { $0 + "\n  prompts: {\"notes:*\": [user]}" }
        #expect(!chapter.isAllowed && chapter.reason == .silence && chapter.because.contains("of access.prompts"))
        let open = try answer("dark", ["groups": ["User"]]) { $0 + "\n  options: {default_scope: user}" }
        #expect(open.isAllowed && open.reason == .defaultScope && open.needs == ["user"])
        let free = try answer("dark", [:]) { String($0.split(separator: "access:")[0]) }
        #expect(free.isAllowed && free.reason == .noPolicy)
    }

    @Test("required_scopes count besides: a token without them does not get through")
    func requiredScopes() throws {
        #expect(try answer("files", ["groups": ["User"]]).isAllowed, "who asks for all of it gets all of its scopes")
        let no = try answer("files", ["groups": ["User"], "scope": ["write"]])
        #expect(!no.isAllowed && no.reason == .requiredScopes && no.missing == ["read"] && no.rule == "files:*")
        #expect(no.because.contains("required_scopes of the resource needs read; held: write"))
    }

    @Test("cases of policy test may be about a protected resource")
    func cases() throws {
        let oracle = PolicyOracle(try ConfigurationFile(Self.policy).load())
        let text = """
            cases:
              - {groups: [Admin], protected_resource: fetch, allow: true, rule: "fetch:*"}
              - {groups: [User], protected_resource: fetch, allow: false, rule: "fetch:delete_*"}
              - {groups: [User], protected_resource: "https://files.example.com/mcp", allow: true}
              - {groups: [User], claims: {scope: write}, protected_resource: files, allow: false}
              - {groups: [User], protected_resource: fetch, allow: true}
              - {groups: [User], protected_resource: other, allow: true}
              - {groups: [User], tool: "fetch:get", allow: true}
            """
        let context = ConfigurationContext(file: "cases.yaml", environment: [:])
        let cases = PolicyCase.list(in: try YAMLReader.read(Array(text.utf8)), context)
        #expect(cases.count == 7 && !context.hasErrors, "\(context.problems)")
        let failures = cases.map { $0.failure(oracle) }
        #expect(failures.prefix(4).allSatisfy { $0 == nil }, "\(failures)")
        #expect(failures[4]?.contains("must be allowed and is not: by the rule \"fetch:delete_*\"") == true)
        #expect(failures[5]?.contains("is no protected resource of the configuration") == true)
        #expect(failures[6]?.contains("\"fetch\" is a protected resource") == true)
        let broken = "cases:\n  - {tool: \"a:b\", protected_resource: fetch, allow: true}\n"
        let other = ConfigurationContext(file: "cases.yaml", environment: [:])
        _ = PolicyCase.list(in: try YAMLReader.read(Array(broken.utf8)), other)
        #expect(other.problems.count == 1, "\(other.problems)")
    }
}
