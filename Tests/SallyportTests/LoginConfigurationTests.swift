import AuthorizationServer
import Foundation
import HTTP
import OAuth
import TestSupport
import Testing

@testable import Sallyport

/// `login.providers`, and the environment in its place.
@Suite struct LoginConfigurationTests {
    private static let github = "id: gh, type: github, client_id: x, client_secret: y"
    private static let corp = "id: corp, type: oidc, issuer: https://id.example.com, client_id: x"
    private static let tenant = "00000000-0000-0000-0000-000000000000"

    private static func login(_ entries: String...) -> String {
        "login:\n  providers:\n" + entries.map { "    - {\($0)}\n" }.joined()
    }

    @Test("every kind of provider, as the documentation writes it")
    func everyKind() throws {
        let file = try ConfigurationFile(
            Self.login(
                Self.github + ", allow: {users: [Octocat], organizations: [Acme], teams: [acme/Core]}",
                "type: google, client_id: x, client_secret: y, allow: {users: [A@Example.com], domains: [Example.com]}",
                "type: okta, issuer: https://e.okta.com/oauth2/default, client_id: x, client_secret: y, "
                    + "allow: {groups: [Engineering]}",
                "type: entra, tenant: \(Self.tenant), client_id: x, client_secret: y, allow: {users: [a@example.com]}",
                Self.corp + ", scopes: [openid, groups], user_claim: sub, allow: {users: [Abc]}",
                "id: local, type: local",
                "id: sso, type: trusted-proxy, from: [10.0.0.5, 172.18.0.0/16], allow: {users: [alice]}"))
        let login = try #require(try file.load().login)
        #expect(login.hasLocalAccounts && login.proxies.count == 1)
        #expect(login.providers.map(\.id) == ["gh", "google", "okta", "entra", "corp"])
        #expect(login.providers.map(\.callbackPath).first == "/callback/gh")
        let facts: [AccessKey] = [
            AccessKey(.user, "octocat"), AccessKey(.organization, "acme"), AccessKey(.team, "acme/core"),
        ]
        #expect(login.providers[0].allowList.keys == Set(facts))
        #expect(
            login.providers[1].allowList.keys == [AccessKey(.user, "a@example.com"), AccessKey(.domain, "example.com")])
        #expect(login.providers[1].claims.userClaim == .verifiedEmail && login.providers[1].claims.domainClaim == "hd")
        #expect(login.providers[3].claims.userClaim == .directoryAddress("preferred_username"))
        #expect(login.providers[3].claims.groupsClaim == "groups")
        #expect(login.providers[2].scopes == ["openid", "profile", "email", "offline_access", "groups"])
        #expect(login.providers[3].issuer.text == "https://login.microsoftonline.com/\(Self.tenant)/v2.0")
        #expect(login.providers[4].scopes == ["openid", "groups"])
        #expect(login.providers[4].allowList.keys == [AccessKey(.user, "Abc")])
        #expect(try file.load().notices.isEmpty)
    }

    @Test("an empty allow-list admits nobody and [\"*\"] everybody, and both are said")
    func allowLists() throws {
        for (allow, note) in [
            ("", "nobody can log in"), (", allow: {}", "nobody can log in"),
            (", allow: {users: []}", "nobody can log in"), (", allow: {users: [\"*\"]}", "everybody"),
        ] {
            let configuration = try ConfigurationFile(Self.login(Self.github + allow)).load()
            let list = try #require(configuration.login?.providers.first?.allowList)
            #expect(list.admitsEverybody == (note == "everybody"))
            #expect(list.keys.isEmpty)
            #expect(configuration.notices.contains { $0.message.contains(note) }, "\(allow)")
        }
    }

    static let bad: [BadConfiguration] = [
        .init("no type", login("id: x"), "login.providers[0]", "\"type\" is missing", hint: "github"),
        .init("same id", login(github, github), "login.providers[1]", "another provider with the id"),
        .init("id with a slash", login("id: a/b, type: local"), "login.providers[0].id", "not an id"),
        .init("no secret", login("type: github, client_id: x"), "login.providers[0].client_secret", "missing"),
        .init("no client", login("type: github, client_secret: x"), "login.providers[0].client_id", "missing"),
        .init(
            "empty secret", login("type: github, client_id: x, client_secret: \"\""),
            "login.providers[0].client_secret", "not a client secret"),
        .init("no issuer", login("type: oidc, client_id: x"), "login.providers[0].issuer", "missing"),
        .init(
            "issuer in the clear", login("type: oidc, client_id: x, issuer: \"http://id.example.com\""),
            "login.providers[0].issuer", "not the address", hint: "https"),
        .init(
            "issuer for a shell", login("type: oidc, client_id: x, issuer: \"https://id.example.com/$$(id)\""),
            "login.providers[0].issuer", "not the address"),
        .init(
            "everybody's directory", login("type: entra, tenant: common, client_id: x, client_secret: y"),
            "login.providers[0].tenant", "does not name one directory", hint: "tenant"),
        .init(
            "github with a path", login(github + ", base_url: \"https://example.com/github\""),
            "login.providers[0].base_url", "has a path"),
        .init("scopes for github", login(github + ", scopes: [repo]"), "login.providers[0].scopes", "follow from"),
        .init("scopes without openid", login(corp + ", scopes: [email]"), "login.providers[0].scopes", "openid"),
        .init(
            "an address that is none", login(corp + ", allow: {users: [alice]}"),
            "login.providers[0].allow.users[0]", "can match nobody", hint: "e-mail"),
        .init(
            "everybody's organization", login(github + ", allow: {organizations: [\"*\"]}"),
            "login.providers[0].allow.organizations[0]", "for users alone"),
        .init(
            "team without organization", login(github + ", allow: {teams: [core]}"),
            "login.providers[0].allow.teams[0]", "not a team"),
        .init(
            "unknown list", login(github + ", allow: {groups: [x]}"), "login.providers[0].allow.groups",
            "unknown key"),
        .init("proxy from nowhere", login("type: trusted-proxy"), "login.providers[0].from", "missing"),
        .init(
            "proxy from everywhere", login("type: trusted-proxy, from: [0.0.0.0/0]"), "login.providers[0].from[0]",
            "everybody"),
        .init(
            "shared callback of two", login(github + ", callback_path: /callback", corp), "login.providers",
            "single provider"),
        .init(
            "secret and key", login(corp + ", client_secret: x, private_key: y, private_key_id: z"),
            "login.providers[0].private_key", "client_secret as well"),
        .init(
            "no key", login(corp + ", private_key: nonsense, private_key_id: z"), "login.providers[0].private_key",
            "not a private key"),
    ]

    @Test("O03: a login that would not protect, or could not work, is refused with its place", arguments: bad)
    func refused(_ test: BadConfiguration) throws {
        let errors = try ConfigurationFile(test.text).errors()
        let error = try #require(errors.first { $0.path == test.path }, "\(errors.map(\.text))")
        #expect(
            error.message.contains(test.message) && (test.hint.isEmpty || (error.hint ?? "").contains(test.hint)),
            "\(error.text)")
    }

    @Test("environment variables configure a container alone; a file that says otherwise wins")
    func environment() throws {
        let variables = [
            "GITHUB_CLIENT_ID": "x", "GITHUB_CLIENT_SECRET": "y", "ALLOWED_GITHUB_USERS": "octocat, OctoDog",
            "OKTA_ISSUER": "https://e.okta.com", "OKTA_CLIENT_ID": "o", "OKTA_CLIENT_SECRET": "s",
            "MCP_OIDC_CLIENT_ID": "m", "MCP_OIDC_CLIENT_SECRET": "s", "MCP_ALLOWED_USERS": "a@example.com",
            "BASE_DOMAIN": "example.com",
        ]
        let file = try ConfigurationFile("servers: {a: {command: cat}}\n")
        let configuration = try file.load(variables)
        #expect(configuration.publicURL?.text == "https://auth.example.com")
        let login = try #require(configuration.login)
        #expect(login.providers.map(\.kind) == [.github, .okta, .google] && !login.hasLocalAccounts)
        #expect(login.providers[0].allowList.keys == [AccessKey(.user, "octocat"), AccessKey(.user, "octodog")])
        #expect(login.providers[1].allowList.keys == [AccessKey(.user, "a@example.com")])
        #expect(configuration.notices.contains { $0.message.contains("GITHUB_CLIENT_ID") })

        let decided = try ConfigurationFile(
            "public_url: https://mcp.example.org\nlogin: {providers: [{type: local}]}\n"
        ).load(variables)
        #expect(decided.publicURL?.text == "https://mcp.example.org")
        #expect(decided.login?.providers.isEmpty == true && decided.login?.hasLocalAccounts == true)
        #expect(try file.load().login == nil)
    }

    @Test("environment: who names nobody admits nobody, * admits everybody, half a configuration is refused")
    func environmentLists() throws {
        let file = try ConfigurationFile("servers: {a: {command: cat}}\n")
        func list(_ users: String?) throws -> AllowList? {
            var variables = ["GITHUB_CLIENT_ID": "x", "GITHUB_CLIENT_SECRET": "y"]
            variables["ALLOWED_GITHUB_USERS"] = users
            return try file.load(variables).login?.providers.first?.allowList
        }
        #expect(try list(nil)?.isEmpty == true)
        #expect(try list("")?.isEmpty == true)
        #expect(try list("*")?.admitsEverybody == true)
        #expect(try list("a$b")?.keys == [AccessKey(.user, "a$b")])
        #expect(
            file.errors(["GITHUB_CLIENT_ID": "x"]).map(\.path) == ["login.providers[0].client_secret"])
        let issuer = try file.load([
            "MCP_OIDC_CLIENT_ID": "m", "MCP_OIDC_CLIENT_SECRET": "s", "MCP_OIDC_ISSUER": "https://id.example.com",
            "MCP_DOMAIN": "mcp.example.com",
        ])
        #expect(issuer.login?.providers.first?.kind == .oidc)
        #expect(issuer.publicURL?.text == "https://mcp.example.com")
    }
}
