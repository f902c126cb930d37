import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Groups of users, rules over them, and real clients.
    @Suite("Access by groups")
    struct Access {
        static let policy = """
            servers:
              demo: {command: \(Checkout.binary), args: [demo-server]}
            access:
              claims: [groups]
              mappings: {"groups:Admin": ["scope:admin"], "groups:User": ["scope:user"]}
              permissions: {"demo:*": ["scope:admin"], "demo:echo": ["scope:user", "scope:admin"]}

            """

        private static func gateway() async throws -> GatewayProcess {
            let gateway = try await EndToEnd.gateway(policy)
            try await gateway.addUser("bob", password: EndToEnd.password)
            for (user, group) in [(EndToEnd.user, "Admin"), ("bob", "User")] {
                let set = try await gateway.command(["user", "set", user, "--groups", group])
                #expect(set.exit == .exited(0), "\(set.errors)")
            }
            return gateway
        }

        private static func work(
            _ gateway: GatewayProcess, _ user: String, _ path: String, mode: String, _ plan: [[String: Any]]
        ) async throws -> Clients.Report {
            Clients.Report(
                raw: try await PythonClient.run(
                    "sdk_current.py", in: "current",
                    [
                        "url": gateway.origin + path, "user": user, "password": EndToEnd.password, "plan": plan,
                        "mode": mode,
                    ]))
        }

        @Test(
            "R05: two users of different groups see and call different tools, one server or all of them",
            arguments: [("auto", "/demo/mcp", ""), ("legacy", "/demo/mcp", ""), ("auto", "/mcp", "demo__")])
        func groups(mode: String, path: String, prefix: String) async throws {
            let gateway = try await Self.gateway()
            let echo: [String: Any] = ["tool": prefix + "echo", "arguments": ["message": "hi"]]
            let add: [String: Any] = ["tool": prefix + "add", "arguments": ["a": 2, "b": 40]]
            let bob = try await Self.work(gateway, "bob", path, mode: mode, [echo])
            #expect(bob.tools == [prefix + "echo"] && bob.text(0).contains("hi"))
            let alice = try await Self.work(gateway, EndToEnd.user, path, mode: mode, [echo, add])
            #expect(alice.tools.count > 5 && alice.text(1).contains("42"))
            let token = try await EndToEnd.logIn(gateway, to: path, as: "bob").tokens.access
            let client = try await EndToEnd.session(gateway, path, token: token)
            let refused = try await onThread { try client.call(prefix + "add", id: 1, #"{"a":1,"b":2}"#) }
            #expect(refused.status == 403 && refused.errorCode == 1004)
            let challenge = refused.response.header("www-authenticate") ?? ""
            #expect(challenge.contains(#"error="insufficient_scope""#) && challenge.contains("scope:admin"))
            let metadata = gateway.origin + "/.well-known/oauth-protected-resource" + path
            #expect(challenge.contains(#"resource_metadata="\#(metadata)""#), "\(challenge)")
            let metrics = try await gateway.request("GET", "/metrics").text
            #expect(metrics.contains(#"sallyport_access_refusals_total{server="demo"}"#))
        }

        @Test("R05: who is put into a group meanwhile gets there by the step-up that the SDK makes of a 403")
        func stepUp() async throws {
            let gateway = try await Self.gateway()
            let promote = [
                Checkout.binary, "user", "set", "bob", "--groups", "User,Admin", "--data-dir", gateway.dataDirectory,
            ]
            let report = try await Self.work(
                gateway, "bob", "/demo/mcp", mode: "auto",
                [
                    ["tool": "echo", "arguments": ["message": "hi"]],
                    ["tool": "add", "arguments": ["a": 2, "b": 40], "before": promote],
                ])
            #expect(report.tools == ["echo"])
            #expect(report.text(1).contains("42"), "\(report.raw)")
            #expect(report.raw["walks"] as? Int == 2)
            #expect((report.raw["tools_after"] as? [String])?.contains("add") == true)
        }

        @Test("R05: a group that is taken away is gone with the next refresh")
        func revocation() async throws {
            let gateway = try await Self.gateway()
            let login = try await EndToEnd.logIn(gateway, as: EndToEnd.user)
            #expect(try EndToEnd.claims(of: login.tokens.access)["groups"] as? [String] == ["Admin"])
            _ = try await gateway.command(["user", "set", EndToEnd.user, "--groups", "User"])
            let walk = EndToEnd.walk(gateway)
            let fresh = try await onThread { try walk.refresh(login.tokens.refresh, client: login.client) }
            let said = try JSONSerialization.jsonObject(with: Data(fresh.body)) as? [String: Any]
            let token = try #require(said?["access_token"] as? String)
            let client = try await EndToEnd.session(gateway, token: token)
            let refused = try await onThread { try client.call("add", id: 1, #"{"a":1,"b":2}"#) }
            #expect(refused.status == 403)
            let allowed = try await onThread { try client.call("echo", id: 2, #"{"message":"hi"}"#) }
            #expect(allowed.text == "hi")
        }

        @Test("R05: other rules count without a restart, and no session goes on under the old ones")
        func change() async throws {
            let gateway = try await Self.gateway()
            let token = try await EndToEnd.logIn(gateway, as: "bob").tokens.access
            let before = try await EndToEnd.session(gateway, token: token)
            func status(_ client: PlainMCP) async throws -> Int {
                try await onThread { try client.call("add", id: 1, #"{"a":1,"b":2}"#).status }
            }
            #expect(try await status(before) == 403)
            for (scope, expected) in [("scope:user", 200), ("scope:admin", 403)] {
                let text = Self.policy.replacing(#""demo:*": ["scope:admin"]"#, with: #""demo:*": ["\#(scope)"]"#)
                let next = try gateway.directory.write("next.yaml", text)
                try #require(unsafe rename(next, gateway.directory.file("sallyport.yaml")) == 0)
                try await eventuallyTrue("the new rules: \(gateway.log)") {
                    try await status(EndToEnd.session(gateway, token: token)) == expected
                }
            }
            #expect(try await status(before) == 404)
        }

        @Test("policy explain and policy test say what the gateway does")
        func explain() async throws {
            let gateway = try await Self.gateway()
            let configuration = try gateway.directory.write("policy.yaml", Self.policy)
            func explain(_ user: String, _ tool: String, _ more: [String] = []) async throws -> (ProgramExit, String) {
                let run = try await gateway.command(
                    ["policy", "explain", "--user", user, "--tool", tool, "--config", configuration] + more)
                return (run.exit, run.output)
            }
            let no = try await explain("bob", "demo:add")
            #expect(
                no.0 == .exited(77) && no.1.hasPrefix("no: bob may not use the tool \"add\" of \"demo\""), "\(no.1)")
            #expect(no.1.contains("by the rule \"demo:*\", which needs scope:admin; held: scope:user"), "\(no.1)")
            let yes = try await explain("alice", "demo__add", ["--json"])
            #expect(yes.0 == .exited(0) && yes.1.contains(#""allowed":true"#) && yes.1.contains(#""rule":"demo:*""#))
            #expect(try await explain("nobody", "demo:add").0 == .exited(67))
            let cases = try gateway.directory.write(
                "cases.yaml", "cases:\n  - {groups: [User], tool: \"demo:add\", allow: false}\n")
            let good = try await gateway.command(["policy", "test", cases, "--config", configuration])
            #expect(good.exit == .exited(0) && good.output == "1 passed, 0 failed\n")
            let wrong = try gateway.directory.write(
                "wrong.yaml", "cases:\n  - {name: no, groups: [User], tool: \"demo:add\", allow: true}\n")
            let bad = try await gateway.command(["policy", "test", wrong, "--config", configuration])
            #expect(bad.exit == .exited(65) && bad.errors.contains("wrong.yaml:2: no: must be allowed and is not"))
            let behind = try gateway.directory.write(
                "behind.yaml",
                "public_url: \"https://auth.test\"\nprotected_resources: {fetch: {url: \"https://fetch.test/mcp\"}}\n"
                    + Self.policy.replacing(#""demo:*""#, with: #""fetch:*": ["scope:user"], "demo:*""#))
            let through = try await gateway.command(
                ["policy", "explain", "--user", "bob", "--protected-resource", "fetch", "--config", behind])
            #expect(through.exit == .exited(0), "\(through.errors)")
            #expect(through.output.hasPrefix("yes: bob may use the protected resource \"fetch\""), "\(through.output)")
            let tool = try await gateway.command(
                ["policy", "explain", "--user", "bob", "--tool", "fetch:get", "--config", behind])
            #expect(tool.exit == .exited(65) && tool.errors.contains("is a protected resource"), "\(tool.errors)")
        }

        @Test("O05: who comes too often waits, by its own count, and starts nothing")
        func rates() async throws {
            let gateway = try await EndToEnd.gateway(
                "servers:\n  demo: {command: \(Checkout.binary), args: [demo-server]}\nrate_limits: {per_user: 5/min}\n"
            )
            try await gateway.addUser("bob", password: EndToEnd.password)
            let alice = try await EndToEnd.logIn(gateway).tokens.access
            let bob = try await EndToEnd.logIn(gateway, as: "bob").tokens.access
            let client = try await EndToEnd.session(gateway, token: alice)
            var answers: [MCPAnswer] = []
            for number in 1...6 {
                answers.append(try await onThread { try client.call("echo", id: number, #"{"message":"hi"}"#) })
            }
            let last = try #require(answers.last)
            #expect(last.status == 429 && last.errorCode == 1002, "\(last.messages)")
            let wait = try #require(last.response.header("retry-after").flatMap { Int($0) })
            #expect((1...60).contains(wait))
            _ = try await EndToEnd.session(gateway, token: bob)
            let metrics = try await gateway.request("GET", "/metrics").text
            #expect(metrics.contains(#"sallyport_rate_limited_total{limit="user"}"#))
        }
    }
}
