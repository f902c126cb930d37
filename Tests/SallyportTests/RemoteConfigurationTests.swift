import Crypto
import Foundation
import Gateway
import HTTP
import TestSupport
import Testing

@testable import Sallyport

/// `servers.NAME.url` and what belongs to it.
@Suite("Servers behind HTTP in the configuration")
struct RemoteConfigurationTests {
    private func load(
        _ server: String, files: [String: String] = [:], environment: [String: String] = [:]
    ) throws -> ServerSettings {
        let file = try ConfigurationFile("servers:\n  n8n: {\(server)}\n")
        for (name, text) in files { try file.directory.write(name, text, mode: 0o600) }
        return try #require(try file.load(environment).servers.first)
    }

    private func fields(_ server: ServerSettings) throws -> [String: String] {
        let endpoint = try #require(server.remote)
        return Dictionary(
            uniqueKeysWithValues: endpoint.fields.map { field in
                (field.name.description, field.value.withBytes { String(decoding: $0, as: UTF8.self) })
            })
    }

    @Test("the example of the documentation")
    func example() throws {
        let server = try load(
            """
            url: https://n8n.example.com/mcp, headers: {x-n8n-key: "${N8N_KEY}", X-Other: "file:other"}, timeout: 30s,
                start_timeout: 20s, transport: sse, forward_identity: false, heartbeat: 30s, rediscovery: 0s, limits: {sessions: 9}, pool: {idle_timeout: 1m}
            """, files: ["other": "0ther\n"], environment: ["N8N_KEY": "k3y"])
        #expect(try fields(server) == ["x-n8n-key": "k3y", "x-other": "0ther"])
        let endpoint = try #require(server.remote)
        #expect(endpoint.url.text == "https://n8n.example.com/mcp" && endpoint.transport == .eventChannel)
        #expect(endpoint.heartbeat == .seconds(30) && endpoint.rediscovery == nil)
        #expect(!endpoint.forwardsIdentity && server.timeout == .seconds(30))
        #expect(server.effectiveStartTimeout == .seconds(20) && server.maximumSessions == 9)
        #expect(server.idleTimeout == .seconds(60))
        #expect(!"\(server)".contains("k3y"), "O02")
        var dumped = ""
        dump(server, to: &dumped)
        #expect(!dumped.contains("k3y") && !dumped.contains("0ther"), "O02")
    }

    @Test("what is not said: any of the transports, the user is told, 500 sessions")
    func defaults() throws {
        let server = try load("url: \"http://127.0.0.1:5678/mcp\"")
        let endpoint = try #require(server.remote)
        #expect(endpoint.transport == .automatic && endpoint.forwardsIdentity && endpoint.fields.isEmpty)
        #expect(endpoint.heartbeat == .seconds(60) && endpoint.rediscovery == .seconds(300))
        #expect(server.maximumSessions == 500 && server.effectiveStartTimeout == .seconds(10))
    }

    @Test("bearer and basic")
    func credentials() throws {
        let bearer = try load("url: https://x.example, authorization: {bearer: \"file:t\"}", files: ["t": "abc\n"])
        #expect(try fields(bearer) == ["authorization": "Bearer abc"])
        let basic = try load("url: https://x.example, authorization: {username: Aladdin, password: open sesame}")
        #expect(try fields(basic) == ["authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="])
    }

    @Test("plain http off this machine works, and the operator is told")
    func plain() throws {
        let file = try ConfigurationFile(
            "servers: {a: {url: http://n8n.internal/mcp}, b: {url: \"http://[::1]/mcp\"}}\n")
        let notices = try file.load().notices
        #expect(notices.map(\.path) == ["servers.a.url"])
        #expect(notices.first?.message.contains("not encrypted") == true)
    }

    @Test("a private authority is a PEM file")
    func authority() throws {
        let pem = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"
        let server = try load("url: https://x.example, tls: {ca: ca.pem}", files: ["ca.pem": pem])
        #expect(server.remote?.certificateAuthorities?.hasSuffix("/ca.pem") == true)
    }

    static let mistakes: [(String, String, String)] = [
        ("url: x.example", "url", "https://"), ("url: ftp://x.example", "url", "https://"),
        ("url: https://u:p@x.example", "url", "authorization"), ("url: \"https://x.example/#a\"", "url", ""),
        ("url: \"\"", "url", ""), ("url: https://x.example, command: cat", "command", "not both"),
        ("url: https://x.example, args: [a]", "args", "not both"),
        ("url: https://x.example, headers: {X-User-Id: a}", "headers.X-User-Id", "leave it out"),
        ("url: https://x.example, headers: {x_user_id: a}", "headers.x_user_id", "leave it out"),
        ("url: https://x.example, headers: {X.Sallyport.Identity: a}", "headers.X.Sallyport.Identity", "leave it out"),
        ("url: https://x.example, headers: {Mcp-Param-A: a}", "headers.Mcp-Param-A", "leave it out"),
        ("url: https://x.example, headers: {Host: a}", "headers.Host", "leave it out"),
        ("url: https://x.example, headers: {\"a b\": a}", "headers.a b", ""),
        ("url: https://x.example, headers: {a: \"x\\r\\ny: z\"}", "headers.a", "visible"),
        ("url: https://x.example, headers: {a: \"${NOT_SET}\"}", "headers.a", "set it"),
        ("url: https://x.example, headers: {a: \"file:missing\"}", "headers.a", ""),
        ("url: https://x.example, authorization: {bearer: \"a b\"}", "authorization.bearer", ""),
        ("url: https://x.example, authorization: {username: a}", "authorization", "password"),
        ("url: https://x.example, authorization: {bearer: a, username: b}", "authorization.username", "one"),
        ("url: https://x.example, authorization: {username: \"a:b\", password: c}", "authorization.username", ""),
        ("url: https://x.example, headers: {Authorization: a}, authorization: {bearer: b}", "authorization", ""),
        ("url: https://x.example, tls: {ca: missing.pem}", "tls.ca", ""),
        ("url: https://x.example, transport: websocket", "transport", ""),
        ("url: https://x.example, isolation: shared", "isolation", ""),
        ("url: https://x.example, forward_identity: 1", "forward_identity", ""),
        ("url: https://x.example, token: a", "token", "authorization"),
        ("url: https://x.example, heartbeat: often", "heartbeat", "30s"),
        ("command: cat, headers: {a: b}", "headers", "url"),
    ]

    @Test("O03: mistakes are told with their place", arguments: mistakes)
    func refused(_ mistake: (String, String, String)) throws {
        let file = try ConfigurationFile("servers: {a: {\(mistake.0)}}\n")
        let errors = file.errors()
        let problem = errors.first { $0.path == "servers.a.\(mistake.1)" }
        #expect(problem != nil, "\(errors.map(\.text))")
        #expect(mistake.2.isEmpty || problem?.hint?.contains(mistake.2) == true, "\(problem?.text ?? "")")
    }
}
