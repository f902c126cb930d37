import AsyncIO
import HTTP
import OAuth
import Telemetry
import Testing

@testable import Gateway

/// `/verify` under the access policy: nobody sees there which tool a request means.
@Suite struct VerifyAccessTests {
    /// Two endpoints of ours and all of them as one, and two resources elsewhere.
    private struct Resources: ProtectedResourceDirectory {
        var all = [
            ProtectedResource(path: "/a/mcp", name: "a", scopes: ["mcp"]),
            ProtectedResource(path: "/b/mcp", name: "b", scopes: ["mcp"]), .aggregate(scopes: ["mcp"]),
            ProtectedResource(origin: "https://fetch.test", path: "/mcp", name: "fetch", scopes: ["mcp"]),
            ProtectedResource(origin: "https://files.test", path: "/mcp", name: "files", scopes: ["mcp"]),
        ]
        func resource(atPath path: String) -> ProtectedResource? { all.first { $0.origin == nil && $0.path == path } }
    }

    /// Knows `GROUP~IDENTIFIER` for exactly that resource, and `GROUP` for all of them, as an API key is.
    private struct Stub: AccessTokenVerifier {
        func verify(
            _ token: String, for resource: String, issuer: String
        ) async throws(AccessTokenRejection) -> Principal {
            let parts = token.split(separator: "~", maxSplits: 1).map { String($0).replacing("_", with: "/") }
            guard parts.count == 1 || resource.hasSuffix(parts[1]) else {
                throw AccessTokenRejection(.invalid, detail: "unknown")
            }
            return Principal(
                user: UserID("u-1"), userName: "alice", groups: [parts[0]], client: ClientID("c-1"),
                scope: Scope(tokens: ["mcp"]), expires: Timestamp(millisecondsSinceEpoch: .max))
        }
    }

    private func ask(
        _ permissions: [String: [String]], _ token: String, at url: (host: String, uri: String)?,
        change: (inout AccessRules) -> Void = { _ in }, isAlone: Bool = false, known: [String]? = nil
    ) async throws -> HTTPResponse {
        var rules = AccessRules()
        rules.mappings = ["groups:dev": ["user"], "groups:ops": ["user", "admin"]]
        rules.permissions = permissions
        change(&rules)
        var directory = Resources()
        if isAlone { directory.all = directory.all.filter { !$0.isElsewhere } }
        var configuration = ForwardAuthConfiguration(
            hosts: HostPolicy(
                publicURL: try HTTPURL("https://auth.test"), listen: .ip(.v4(0x7F00_0001), port: 8080),
                allowedOrigins: []), directory: directory, verifier: Stub()
        ) { _, _ in .text(.unauthorized, "page") }
        configuration.access = AccessPolicy(rules, servers: known ?? directory.all.map(\.name))
        var head: HTTPFields = ["X-Forwarded-Proto": "https", "X-Forwarded-Method": "POST"]
        head.append("Authorization", "Bearer \(token)")
        if let url {
            head.append("X-Forwarded-Host", url.host)
            head.append("X-Forwarded-Uri", url.uri)
        }
        let request = HTTPRequest(
            path: "/verify", fields: head, remoteAddress: try SocketAddress(ip: "10.0.0.1", port: 1),
            authority: "sallyport:8080")
        let proxies = TrustedProxies(["10.0.0.0/8"].compactMap { CIDR($0) })
        return await VerifyEndpoint(configuration, rates: nil).respond(
            to: proxies.read(request), body: HTTPRequestBody([]))
    }

    private static let fetch = (host: "fetch.test", uri: "/mcp")

    @Test("R05: silence about a resource elsewhere means no, for everybody and without a scope that would help")
    func silence() async throws {
        for permissions in [
            [:], ["a:*": ["user"]], ["fetch:one": ["user"]], ["fetch:o*": ["user"]], ["files:*": ["user"]],
        ] {
            let answer = try await ask(permissions, "ops~fetch.test_mcp", at: Self.fetch)
            #expect(answer.status == .forbidden && answer.fields["www-authenticate"] == nil, "\(permissions)")
        }
        let open = try await ask([:], "ops~fetch.test_mcp", at: Self.fetch) { $0.defaultScope = "user" }
        #expect(open.status == .ok)
        let unknown = try await ask(["*": ["user"]], "ops~fetch.test_mcp", at: Self.fetch, known: ["a", "b"])
        #expect(unknown.status == .forbidden, "what the policy does not know is open to nobody")
    }

    @Test(
        "R05: who may use all of it gets in; what is not seen cannot be allowed in parts",
        arguments: [
            (["fetch:*": ["user"]], true, true), (["*": ["user"]], true, true), (["f*:*": ["user"]], true, true),
            (["*:*": ["admin"]], false, true), (["fetch:*": ["user"], "fetch:delete_*": ["admin"]], false, true),
            (["fetch:*": ["user"], "*:delete": ["admin"]], false, true),
            (["fetch:*": ["user"], "files:delete": ["admin"]], true, true),
            (["fetch:*": ["user"], "*": ["admin"]], false, true), (["fetch:*": []], false, false),
            (["fetch:*": ["user"], "fetch:never": []], false, false), (["fetch:?*": ["user"]], false, false),
            (["files*": ["user"]], false, false), (["*:": ["user"]], false, false),
        ] as [([String: [String]], Bool, Bool)])
    func whole(_ permissions: [String: [String]], _ dev: Bool, _ ops: Bool) async throws {
        for (group, isAllowed) in [("dev", dev), ("ops", ops), ("nobody", false)] {
            let answer = try await ask(permissions, "\(group)~fetch.test_mcp", at: Self.fetch)
            #expect(answer.status == (isAllowed ? .ok : .forbidden), "\(group) \(permissions)")
        }
    }

    @Test("b6, R05: 403 names what is missing, and what the token has")
    func challenge() async throws {
        let answer = try await ask(
            ["fetch:*": ["user"], "fetch:delete": ["admin", "root"]], "dev~fetch.test_mcp", at: Self.fetch)
        #expect(answer.status == .forbidden)
        let challenge = answer.fields["www-authenticate"] ?? ""
        #expect(challenge.contains("error=\"insufficient_scope\"") && challenge.contains("scope=\"mcp admin root\""))
        #expect(challenge.contains("https://fetch.test/.well-known/oauth-protected-resource/mcp"), "\(challenge)")
        #expect(answer.fields["x-user-id"] == nil)
        let all = try await ask(["fetch:*": ["user", "admin"]], "dev~fetch.test_mcp", at: Self.fetch) { $0.mode = .all }
        #expect(all.fields["www-authenticate"]?.contains("scope=\"mcp admin\"") == true)
        let prompts = try await ask(["fetch:*": ["user"]], "dev~fetch.test_mcp", at: Self.fetch) { $0.prompts = [:] }
        #expect(prompts.status == .forbidden, "prompts have rules of their own, which are silent")
    }

    @Test("R05: an endpoint of ours asks for itself, so to be able to use anything of it is enough")
    func own() async throws {
        let rules = ["a:one": ["user"], "b:*": ["admin"]]
        let a = (host: "auth.test", uri: "/a/mcp")
        #expect(try await ask(rules, "dev~_a_mcp", at: a).status == .ok)
        #expect(try await ask(rules, "nobody~_a_mcp", at: a).status == .forbidden)
        #expect(try await ask(rules, "dev~_b_mcp", at: (host: "auth.test", uri: "/b/mcp")).status == .forbidden)
        #expect(try await ask(rules, "dev~auth.test_mcp", at: (host: "auth.test", uri: "/mcp")).status == .ok)
    }

    @Test("R05: where nothing in particular is asked for, whoever is behind asks nobody either")
    func nothingInParticular() async throws {
        for (rules, dev, ops) in [
            (["a:one": ["user"]], false, false), (["a:*": ["user"]], true, true), (["b:*": ["user"]], false, false),
            (["a:*": ["admin"]], false, true),
        ] {
            for (group, isAllowed) in [("dev", dev), ("ops", ops)] {
                // An API key does not say what it is for: it is good for the first.
                let answer = try await ask(rules, "\(group)~_a_mcp", at: nil, isAlone: true)
                #expect(answer.status == (isAllowed ? .ok : .forbidden), "\(group) \(rules)")
            }
        }
        // A key for everything: any of them that is open as a whole.
        #expect(try await ask(["b:*": ["user"]], "dev", at: nil, isAlone: true).status == .ok)
        #expect(try await ask(["b:x": ["user"]], "dev", at: nil, isAlone: true).status == .forbidden)
        // A token for all of them as one: each has to be open.
        for (rules, dev) in [
            (["a:*": ["user"]], false), (["a:*": ["user"], "b:x": ["user"]], false),
            (["a:*": ["user"], "b:*": ["admin"]], false), (["a:*": ["user"], "b:*": ["user"]], true),
        ] {
            let answer = try await ask(rules, "dev~auth.test_mcp", at: nil, isAlone: true)
            #expect(answer.status == (dev ? .ok : .forbidden), "\(rules)")
        }
    }
}
