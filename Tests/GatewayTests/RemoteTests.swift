import AsyncIO
import Foundation
import HTTP
import OAuth
import Telemetry
import TestSupport
import Testing

@testable import Gateway

@Suite("Servers behind HTTP", .timeLimit(.minutes(3)))
struct RemoteTests {
    static func open(_ bench: Bench, _ token: String? = "alice", version: String = "2025-06-18") async throws
        -> PlainMCP
    {
        try await bench.open("/remote/mcp", token, version: version)
    }

    /// The headers that the upstream saw on a call.
    static func headers(_ answer: MCPAnswer) throws -> [(name: String, value: String)] {
        let list = try JSONSerialization.jsonObject(with: Data((answer.text ?? "").utf8)) as? [[String]]
        return try #require(list).map { (name: $0[0].lowercased(), value: $0[1]) }
    }

    @Test(
        "d8, d9: a session of a legacy client is a session there, in the client's revision, until it ends",
        arguments: ["2025-03-26", "2025-06-18", "2025-11-25"])
    func session(version: String) async throws {
        try await withRemote { bench, remote in
            let client = try await Self.open(bench, version: version)
            #expect(try await client.say("echo", id: 7, #"{"message":"héllo\n"}"#).text == "héllo\n")
            let steps = try await client.send(PlainMCP.call("progress", id: 8, token: "5"))
            #expect(steps.messages.filter { $0.contains("notifications/progress") }.count == 3)
            #expect(steps.messages.allSatisfy { !$0.contains("progressToken") || $0.contains("\"progressToken\":5") })
            #expect(steps.object["id"] as? Int == 8)
            let refused = try await client.say("nothing", id: 9)
            #expect(refused.errorCode == -32602 && refused.errorMessage == "no such tool")
            let ended = try await bench.request("DELETE", "/remote/mcp", client.headers)
            #expect(ended.status == 204 || ended.status == 200, "\(ended.status)")
            try await eventuallyTrue("the session there to end") { remote.seen.contains { $0.verb == "DELETE" } }
            let calls = remote.seen.filter { $0.verb == "POST" && $0.method != "initialize" }
            #expect(calls.allSatisfy { $0.values("mcp-protocol-version") == [version] }, "\(calls)")
            #expect(Set(calls.flatMap { $0.values("mcp-session-id") }).count == 1)
            #expect(remote.seen.first?.values("mcp-session-id") == [])
        }
    }

    @Test("the server asks on the stream of a call, and announces on the stream of the session")
    func streams() async throws {
        try await withRemote { bench, _ in
            let client = try await Self.open(bench)
            let general = try await client.listen()
            #expect(general.head.status == 200)
            let asking = try await client.streamed(PlainMCP.call("ask", id: 1))
            let question = try #require(try await asking.next()?.data)
            let object = try #require(
                try JSONSerialization.jsonObject(with: Data(question.utf8)) as? [String: Any])
            #expect(object["method"] as? String == "elicitation/create")
            let id = try #require(object["id"] as? Int)
            let answer = #"{"jsonrpc":"2.0","id":\#(id),"result":{"action":"accept","content":{"a":1}}}"#
            #expect(try await client.send(answer).status == 202)
            #expect(try await asking.rest().last?.data?.contains(#"\"content\": {\"a\": 1}"#) == true)
            try await eventuallyTrue("an announcement to arrive") {
                _ = try await client.say("announce", id: 2)
                return true
            }
            #expect(try await general.next()?.data?.contains("notifications/tools/list_changed") == true)
        }
    }

    @Test("a client of 2024-11-05 and one of 2026-07-28 reach it as well")
    func otherEras() async throws {
        try await withRemote { bench, _ in
            let port = bench.port
            let modern = PlainModernMCP(
                port: port, path: "/remote/mcp", token: "alice", capabilities: #"{"elicitation":{"form":{}}}"#)
            let echo = try await onThread { try modern.call("echo", #"{"message":"new"}"#) }
            #expect(echo.text == "new" && echo.result?["resultType"] as? String == "complete", "\(echo.messages)")
            let asked = try await onThread { try modern.call("ask", id: "2") }
            #expect(asked.result?["resultType"] as? String == "input_required", "\(asked.messages)")
            let state = try #require(asked.result?["requestState"] as? String)
            let key = try #require((asked.result?["inputRequests"] as? [String: Any])?.keys.first)
            let retry = try await onThread {
                try modern.call(
                    "ask", id: "3", "{}",
                    #""requestState":"\#(state)","inputResponses":{"\#(key)":{"action":"decline"}}"#)
            }
            #expect(retry.text?.contains("decline") == true, "\(retry.messages)")

            var old = PlainMCP(port: port, path: "/remote/sse", token: "alice")
            let events = try await onThread { [old] in try Stream(old.stream()) }
            let endpoint = try #require(try await events.next()?.data)
            old.path = endpoint
            let hello = #"{"protocolVersion":"2024-11-05","capabilities":{},"clientInfo":{"name":"o","version":"1"}}"#
            #expect(try await old.send(PlainMCP.request("initialize", id: 1, hello)).status == 202)
            #expect(try await events.next()?.data?.contains("serverInfo") == true)
            _ = try await old.send(#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
            #expect(try await old.send(PlainMCP.call("echo", id: 2, #"{"message":"old"}"#)).status == 202)
            #expect(try await events.next()?.data?.contains("old") == true)
        }
    }

    @Test("R03, d12: nothing that a client presents reaches the upstream; what the operator wrote does")
    func credentials() async throws {
        try await withRemote {
            $0.fields = [.init("x-n8n-key", "k3y"), .init("Authorization", "Bearer ours")]
        } _: { bench, remote in
            let client = try await Self.open(bench)
            let answer = try await client.send(
                PlainMCP.call("headers", id: 1),
                ["Cookie": "sid=c00kie", "DPoP": "pr00f", "X-Auth-Token": "t0ken", "X-N8N-Key": "theirs", "Via": "v1a"])
            let fields = try Self.headers(answer)
            #expect(fields.filter { $0.name == "x-n8n-key" }.map(\.value) == ["k3y"])
            #expect(fields.filter { $0.name == "authorization" }.map(\.value) == ["Bearer ours"])
            for text in ["alice ", "Bearer alice", "c00kie", "pr00f", "t0ken", "theirs", "v1a"] {
                #expect(!fields.contains { $0.value.contains(text) }, "\(text)")
            }
            #expect(remote.seen.allSatisfy { $0.values("authorization") == ["Bearer ours"] })
        }
    }

    @Test("R03: a redirect of the upstream is not followed", arguments: [301, 302, 303, 307, 308])
    func redirects(status: Int) async throws {
        let elsewhere = try RemoteProcess()
        try await elsewhere.start()
        try await withRemote {
            $0.fields = [.init("Authorization", "Bearer ours")]
        } _: { bench, _ in
            let client = try await Self.open(bench)
            let answer = try await client.say(
                "status", id: 1, #"{"status":\#(status),"location":"\#(elsewhere.url)"}"#)
            #expect(answer.errorCode == -32603 && answer.errorMessage?.contains("\(status)") == true)
            #expect(try await client.say("echo", id: 2, #"{"message":"on"}"#).text == "on")
            #expect(elsewhere.seen.isEmpty)
        }
    }

    @Test("R07: who asks is told by us, once, whatever the client sends")
    func identity() async throws {
        try await withRemote(gateway: {
            $0.signer = StubSigner()
            $0.issuer = { "https://gw.example" }
        }) { bench, remote in
            let client = try await Self.open(bench)
            var forged: [String: String] = [:]
            for name in ["User-Id", "User-Name", "User-Email"] {
                for spelling in ["X-\(name)", "x_\(name)", "X.\(name)", "X_\(name.replacing("-", with: "_"))"] {
                    forged[spelling] = "mallory"
                    forged[spelling.uppercased()] = "mallory"
                }
            }
            forged["X-Sallyport-Identity"] = "mallory"
            forged["X_Sallyport_Identity"] = "mallory"
            let hidden = try await client.send(PlainMCP.call("headers", id: 3), ["Connection": "X_User_Id"])
            #expect(hidden.status == 400, "hop-by-hop is not for these")
            let answer = try await client.send(PlainMCP.call("headers", id: 1), forged)
            let fields = try Self.headers(answer)
            #expect(!fields.contains { $0.value.contains("mallory") }, "\(fields)")
            #expect(fields.filter { $0.name.hasPrefix("x") && $0.name.hasSuffix("id") }.map(\.value) == ["alice"])
            #expect(fields.filter { $0.name == "x-user-name" }.map(\.value) == ["Alice"])
            #expect(fields.filter { $0.name == "x-user-email" }.map(\.value) == ["alice@example.com"])
            let statement = try #require(fields.first { $0.name == "x-sallyport-identity" }?.value)
            #expect(statement.hasPrefix("sallyport-identity+jwt."))
            #expect(
                statement.contains(#""iss":"https://gw.example""#) && statement.contains(#""aud":"\#(remote.url)""#))
            #expect(statement.contains(#""sub":"alice""#) && statement.contains(#""client_id":"c1""#))
            let meta = try await client.say("meta", id: 2)
            #expect(meta.text?.contains("dev.sallyport") == false, "the way for children is not for others: \(meta)")
        }
    }

    @Test("R07: behind the endpoint over all servers it is no different")
    func aggregated() async throws {
        try await withRemote(gateway: { $0.aggregate = AggregateConfiguration() }) { bench, remote in
            let client = try await bench.open("/mcp")
            try await eventuallyTrue("the tools of both to be there") {
                let list = try await client.send(PlainMCP.request("tools/list", id: Int.random(in: 1...9999)))
                return list.messages.joined().contains("remote__echo")
            }
            #expect(try await client.say("remote__echo", id: 1, #"{"message":"all"}"#).text == "all")
            let call = try #require(remote.seen.first { $0.method == "tools/call" })
            #expect(!call.body.contains("dev.sallyport") && call.body.contains(#""message":"all""#), "\(call.body)")
            #expect(call.values("x-user-id") == ["alice"] && call.values("authorization") == [])
        }
    }

    @Test("a name that cannot stand in a header is told without what cannot, or not at all")
    func strangeNames() throws {
        var configuration = GatewayConfiguration(
            hostPolicy: HostPolicy(publicURL: nil, listen: .ip(.v4(0x7F00_0001), port: 1), allowedOrigins: []),
            authentication: .none, servers: [])
        configuration.issuer = { "https://gw.example" }
        configuration.signer = StubSigner()
        let endpoint = RemoteEndpoint(url: try HTTPURL("https://up.example/mcp"))
        let principal = Principal(
            user: UserID("u\r\nX-User-Id: root"), userName: "Zo\u{EB}\r\nX-Admin: 1", email: "\u{7}",
            client: ClientID("c"), scope: Scope(tokens: []), expires: Timestamp(millisecondsSinceEpoch: .max))
        let fields = UpstreamFields(endpoint, for: principal, configuration).fields()
        #expect(!fields.hasRefusedField)
        #expect(fields["x-user-id"] == nil && fields["x-user-email"] == nil)
        #expect(fields["x-user-name"] == "Zo\u{EB}X-Admin: 1")
        #expect(fields["x-sallyport-identity"]?.contains(#""sub":"u\r\nX-User-Id: root""#) == true)
    }

    @Test("a private authority counts for the server that it was written for, and nothing else does")
    func encryption() async throws {
        let certificates = try await onThread { try TestCertificates() }
        let good = try await onThread { try certificates.issue("good", names: "IP:127.0.0.1").certificate }
        let misnamed = try await onThread { try certificates.issue("misnamed", names: "IP:127.0.0.2").certificate }
        let stranger = try await onThread {
            try certificates.issue("stranger", names: "IP:127.0.0.1", isTrusted: false).certificate
        }
        for (certificate, authority, works) in [
            (good, certificates.authority, true), (good, nil, false), (misnamed, certificates.authority, false),
            (stranger, certificates.authority, false),
        ] {
            try await withRemote(["tls=\(certificate)"]) {
                $0.certificateAuthorities = authority
                $0.fields = [.init("x-key", "k3y")]
            } _: { bench, remote in
                guard works else {
                    let answer = try await bench.request(
                        "POST", "/remote/mcp", PlainMCP(port: bench.port, path: "", token: "bob").headers,
                        PlainMCP.request("initialize", id: 0, #"{"protocolVersion":"2025-06-18","capabilities":{}}"#))
                    #expect(answer.text.contains("cannot be reached"), "\(certificate): \(answer.text)")
                    #expect(remote.seen.isEmpty, "nothing was said to it")
                    return
                }
                let client = try await Self.open(bench)
                #expect(try await client.say("echo", id: 1, #"{"message":"safe"}"#).text == "safe")
            }
        }
    }

    @Test("behind another front door nobody is known, so nobody is told")
    func bridge() async throws {
        try await withRemote(protected: false, gateway: { $0.signer = StubSigner() }) { bench, _ in
            let client = try await Self.open(bench, nil)
            let fields = try Self.headers(try await client.say("headers", id: 1))
            #expect(!fields.contains { $0.name.hasPrefix("x-") }, "\(fields)")
        }
    }
}
