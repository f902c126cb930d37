import AuthorizationServer
import Crypto
import Foundation
import HTTP
import OAuth
import Testing

/// Whoever guesses the secret of a client.
@Suite struct SecretGuessTests {
    static let secret = "hunter2"

    private func setting() async throws -> Fixture {
        let client = try ConfiguredClientTests.client(secret: Self.secret)
        let other = try ConfiguredClientTests.client(id: "other", secret: Self.secret)
        return try await Fixture { $0.clients = [client, other] }
    }

    private func ask(
        _ fixture: Fixture, _ secret: String, client: String = "corp", at path: String = "/revoke",
        from address: String = "192.0.2.1"
    ) async -> Answer {
        await fixture.send(
            .post, path, form: EndpointAuthenticationTests.form + [("client_id", client), ("client_secret", secret)],
            from: address)
    }

    @Test("O05: ten wrong secrets of a client in a minute, then 429 for the right one too", arguments: [false, true])
    func oneAddress(byHeader: Bool) async throws {
        let fixture = try await setting()
        func guess(_ secret: String, at path: String) async -> Answer {
            guard byHeader else { return await ask(fixture, secret, at: path) }
            let value = "Basic " + Base64.encode(Array("corp:\(secret)".utf8))
            return await fixture.send(
                .post, path, fields: [("Authorization", value)], form: EndpointAuthenticationTests.form,
                from: "192.0.2.1")
        }
        let paths = EndpointAuthenticationTests.paths
        for number in 0..<10 {
            #expect(await guess("guess \(number)", at: paths[number % paths.count]).status == 401)
        }
        for path in paths {
            for secret in ["guess", Self.secret] {
                let answer = await guess(secret, at: path)
                #expect(answer.status == 429, "\(path)")
                #expect(answer.header("retry-after") == "6")
                #expect(try answer.member("error") == "temporarily_unavailable")
            }
        }
        #expect(await ask(fixture, Self.secret, client: "other").status == 200, "another client of the same address")
        #expect(await ask(fixture, Self.secret, from: "192.0.2.2").status == 200, "the same client elsewhere")
        fixture.clock.advance(by: .seconds(6))
        #expect(await guess(Self.secret, at: "/revoke").status == 200)
        #expect(await guess("guess", at: "/revoke").status == 401)
        #expect(await guess(Self.secret, at: "/revoke").status == 429, "one more in six seconds")
    }

    @Test("O05: right secrets are not counted, however many and however close together")
    func rightOnes() async throws {
        let fixture = try await setting()
        for _ in 0..<200 { #expect(await ask(fixture, Self.secret).status == 200) }
        for _ in 0..<10 { #expect(await ask(fixture, "guess").status == 401) }
        #expect(await ask(fixture, "guess").status == 429)
    }

    @Test("O05: many addresses together are slowed, and cannot keep a client away from where it was right before")
    func manyAddresses() async throws {
        let fixture = try await setting()
        #expect(await ask(fixture, Self.secret, from: "198.51.100.1").status == 200)
        for number in 0..<100 {
            #expect(await ask(fixture, "guess", from: "192.0.2.\(number / 10)").status == 401, "\(number)")
        }
        let stranger = await ask(fixture, Self.secret, from: "192.0.2.200")
        #expect(stranger.status == 429 && stranger.header("retry-after") == "1")
        #expect(await ask(fixture, Self.secret, from: "198.51.100.1").status == 200, "known from before")
        #expect(await ask(fixture, Self.secret, client: "other", from: "192.0.2.201").status == 200)
        // Slowed, not locked out: a guess and a half in a second leaves room.
        fixture.clock.advance(by: .seconds(1))
        #expect(await ask(fixture, Self.secret, from: "192.0.2.200").status == 200)
        #expect(await ask(fixture, "guess", from: "192.0.2.202").status == 401)
        #expect(await ask(fixture, "guess", from: "192.0.2.203").status == 429)
        #expect(await ask(fixture, Self.secret, from: "192.0.2.200").status == 200, "known by now")
        // What was shown here is worth a day.
        fixture.clock.advance(by: .seconds(86_400))
        for number in 0..<100 { _ = await ask(fixture, "guess", from: "192.0.2.\(number / 10)") }
        #expect(await ask(fixture, Self.secret, from: "198.51.100.1").status == 429)
    }

    @Test("O05: the addresses of one IPv6 network are one")
    func networks() async throws {
        let fixture = try await setting()
        for number in 1...10 { #expect(await ask(fixture, "guess", from: "2001:db8::\(number)").status == 401) }
        #expect(await ask(fixture, Self.secret, from: "2001:db8::ffff").status == 429)
        #expect(await ask(fixture, Self.secret, from: "2001:db8:0:1::1").status == 200)
    }
}
