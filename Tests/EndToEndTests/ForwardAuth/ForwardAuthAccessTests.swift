import Foundation
import TestSupport
import Testing

extension EndToEnd.ForwardAuth {
    /// Two resources behind the proxy and a server of our own, each under another rule.
    private static let policy = """
        servers:
          demo: {command: \(Checkout.binary), args: [demo-server]}
        access:
          claims: [groups]
          mappings: {"groups:Admin": ["scope:admin", "scope:user"], "groups:User": ["scope:user"]}
          permissions:
            "fetch:*": ["scope:admin"]
            "raw:*": ["scope:user"]
            "demo:*": ["scope:user"]

        """

    private func token(_ tiers: ThreeTiers, _ user: String, for path: String) async throws -> String {
        var walk = tiers.walk(path)
        walk.user = user
        let chosen = walk
        return try await onThread { try chosen.logIn().tokens.access }
    }

    /// alice is of the group Admin, bob of the group User and carol of none.
    private func tiers(_ front: FrontProxy) async throws -> ThreeTiers {
        let tiers = try await ThreeTiers(front, adding: Self.policy)
        for (user, group) in [(EndToEnd.user, "Admin"), ("bob", "User"), ("carol", "")] {
            if user != EndToEnd.user { try await tiers.gateway.addUser(user, password: EndToEnd.password) }
            guard !group.isEmpty else { continue }
            let set = try await tiers.gateway.command(["user", "set", user, "--groups", group])
            #expect(set.exit == .exited(0), "\(set.errors)")
        }
        return tiers
    }

    @Test(
        "R05: the access policy decides about each resource behind the proxy by the rule of that resource",
        arguments: FrontProxy.allCases)
    func access(front: FrontProxy) async throws {
        let tiers = try await tiers(front)
        for (user, fetch, raw) in [(EndToEnd.user, true, true), ("bob", false, true), ("carol", false, false)] {
            for (path, isAllowed) in [("/mcp", fetch), ("/raw", raw)] {
                let held = try await token(tiers, user, for: path)
                let answer = try await tiers.ask(path, token: held)
                #expect((answer.status != 403) == isAllowed && answer.status != 401, "\(user) \(path) \(answer.status)")
                #expect(tiers.rawHeads().count == (isAllowed && path == "/raw" ? 1 : 0), "\(user) \(path)")
                guard !isAllowed else { continue }
                // A client learns from it what to ask for, and for which resource.
                let document =
                    "http://127.0.0.1:\(tiers.ports.front)/.well-known/oauth-protected-resource\(path)"
                let challenges = answer.values("www-authenticate")
                let challenge = challenges.first ?? ""
                #expect(challenges.count == 1 && challenge.contains(#"error="insufficient_scope""#), "\(challenges)")
                #expect(challenge.contains(#"resource_metadata="\#(document)""#), "\(challenge)")
                #expect(challenge.contains(path == "/mcp" ? "scope:admin" : "scope:user"), "\(challenge)")
            }
        }
    }

    @Test("R05: other rules count at /verify without a restart, for tokens that are there")
    func changedAccess() async throws {
        let tiers = try await tiers(.nginx)
        let held = try await token(tiers, "bob", for: "/raw")
        #expect(try await tiers.ask("/raw", token: held).status == 200)
        let file = tiers.gateway.directory.file("sallyport.yaml")
        let first = try String(contentsOfFile: file, encoding: .utf8)
        for (scope, expected) in [("scope:admin", 403), ("scope:user", 200)] {
            let text = first.replacing(#""raw:*": ["scope:user"]"#, with: #""raw:*": ["\#(scope)"]"#)
            let next = try tiers.gateway.directory.write("next.yaml", text)
            try #require(unsafe rename(next, file) == 0)
            try await eventuallyTrue("the new rules: \(tiers.gateway.log)") {
                try await tiers.ask("/raw", token: held).status == expected
            }
        }
    }
}
