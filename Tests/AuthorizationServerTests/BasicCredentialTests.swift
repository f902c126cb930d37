import AuthorizationServer
import Crypto
import Foundation
import HTTP
import OAuth
import Testing

/// Basic credentials of clients that encode their parts, and of those that do not.
@Suite struct BasicCredentialTests {
    static let written = [
        "a secret of the operator", "the secret of the agent, long", "a+b", "100%", "%", "a%20b", "a%zz", "a&b=c", "&",
        "=",
        "==", "a=b%2Bc", "x:y:z", "\"quoted\"", "ünïcode", " ", " x ", "a secret: for a robot & no other +%",
    ]

    /// As a library writes it that encodes the parts, with `+` or `%20` for a space.
    private static func encoded(_ text: String, plus: Bool) -> String {
        let value = String(Fixture.encode([("", text)]).dropFirst())
        return plus ? value.replacingOccurrences(of: "%20", with: "+") : value
    }

    private func ask(_ fixture: Fixture, _ secret: String, from address: String = "127.0.0.1") async -> Answer {
        await fixture.send(
            .post, "/token",
            fields: [("Authorization", "Basic " + Base64.encode(Array("corp:\(secret)".utf8)))],
            form: [("grant_type", "client_credentials"), ("resource", "http://localhost:8080/a/mcp")], from: address)
    }

    private func fixture(_ secret: String) async throws -> Fixture {
        let client = try ConfiguredClientTests.client(
            "{\"grant_types\":[\"client_credentials\"],\"token_endpoint_auth_method\":\"client_secret_basic\"}",
            secret: secret)
        return try await Fixture { $0.clients = [client] }
    }

    private func expectBothWays(_ secret: String) async throws {
        let fixture = try await fixture(secret)
        for sent in [secret, Self.encoded(secret, plus: false), Self.encoded(secret, plus: true)] {
            let answer = await ask(fixture, sent)
            #expect(answer.status == 200, "\(secret) as \(sent): \(answer.text)")
        }
        let wrong = [secret + "x", secret + "&", secret + "%20", secret + "+", "x" + secret, ""]
        for (number, wrong) in wrong.enumerated() {
            for sent in [wrong, Self.encoded(wrong, plus: false), Self.encoded(wrong, plus: true)] {
                let answer = await ask(fixture, sent, from: "192.0.2.\(number)")
                #expect(answer.status == 401, "\(secret) as \(sent)")
                #expect(try answer.member("error") == "invalid_client")
            }
        }
    }

    @Test("A09: a secret that an operator wrote works encoded and as it is", arguments: written)
    func operatorWritten(secret: String) async throws {
        try await expectBothWays(secret)
    }

    @Test("A09: so does any text of printable characters")
    func random() async throws {
        for _ in 0..<30 {
            let bytes = (0..<Int.random(in: 1...40)).map { _ in UInt8.random(in: 0x20...0x7E) }
            try await expectBothWays(String(decoding: bytes, as: UTF8.self))
        }
    }

    @Test("A09: and a secret that was made here")
    func made() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient(method: "client_secret_basic")
        let secret = try #require(client.secret)
        let parts = [client.id, secret]
        for pair in [parts, parts.map { Self.encoded($0, plus: true) }] {
            let value = "Basic " + Base64.encode(Array(pair.joined(separator: ":").utf8))
            let answer = await fixture.send(
                .post, "/token", fields: [("Authorization", value)],
                form: [("grant_type", "refresh_token"), ("refresh_token", "x")])
            #expect(try answer.member("error") == "invalid_grant")
        }
    }

    @Test("A09: one reading of a secret is no other secret")
    func readings() async throws {
        // What is stored is one text; only a decoding of what was sent may lead to it, never an encoding.
        let encoded = try await fixture("a%20b")
        #expect(await ask(encoded, "a%20b").status == 200)
        #expect(await ask(encoded, "a b").status == 401)
        #expect(await ask(encoded, "a+b").status == 401)
        let plain = try await fixture("a b")
        for sent in ["a b", "a+b", "a%20b"] { #expect(await ask(plain, sent).status == 200) }
        for sent in ["a%2Bb", "a%2520b", "a b&", "a%20b&", "a b%"] {
            #expect(await ask(plain, sent).status == 401, "\(sent)")
        }
        let plus = try await fixture("a+b")
        for sent in ["a+b", "a%2Bb", "a%2bb"] { #expect(await ask(plus, sent).status == 200) }
        for sent in ["a b", "a%20b"] { #expect(await ask(plus, sent).status == 401, "\(sent)") }
    }
}
