import AuthorizationServer
import Foundation
import HTTP
import OAuth
import Testing

/// PKCE, by whatever means a client is known and proves itself.
@Suite struct CodeChallengeTests {
    static let kinds = [
        "none", "client_secret_basic", "client_secret_post", "private_key_jwt", "metadata document", "configuration",
    ]

    /// What `/authorize` and `/par` must not take.
    static let downgrades: [[String: String?]] = [
        ["code_challenge": nil], ["code_challenge": ""], ["code_challenge": nil, "code_challenge_method": nil],
        ["code_challenge_method": nil], ["code_challenge_method": ""], ["code_challenge_method": "plain"],
        ["code_challenge_method": "plain", "code_challenge": Fixture.verifier],
        ["code_challenge_method": nil, "code_challenge": Fixture.verifier], ["code_challenge": Fixture.verifier],
        ["code_challenge_method": "s256"], ["code_challenge_method": "S256 "], ["code_challenge_method": "S512"],
        ["code_challenge_method": "none"],
    ]

    /// A client of one kind, what it adds at `/par`, and its server.
    private func setting(
        _ kind: String
    ) async throws -> (fixture: Fixture, client: Fixture.TestClient, proof: () throws -> [(String, String)]) {
        let web = PublishedDocuments()
        web.publish(ClientDocumentTests.document(), at: ClientDocumentTests.address)
        let configured = try ConfiguredClientTests.client(
            "{\"redirect_uris\":[\"\(Fixture.redirect)\"],\"token_endpoint_auth_method\":\"client_secret_basic\"}")
        let fixture = try await Fixture(documents: web) { $0.clients = [configured] }
        switch kind {
        case "metadata document": return (fixture, ClientDocumentTests.client, { [] })
        case "configuration":
            let secret = "a secret of the operator"
            let client = Fixture.TestClient(id: "corp", secret: secret, redirect: Fixture.redirect)
            return (fixture, client, { [] })
        case "private_key_jwt":
            let signer = try await AssertingClient.register(fixture)
            let client = Fixture.TestClient(id: signer.id, secret: nil, redirect: Fixture.redirect)
            return (
                fixture, client,
                {
                    [
                        ("client_assertion_type", ClientAssertion.type),
                        ("client_assertion", try signer.assertion(id: UUID().uuidString, at: fixture.clock.now)),
                    ]
                }
            )
        default: return (fixture, try await fixture.registerClient(method: kind), { [] })
        }
    }

    @Test("a5, A04: without a challenge by S256 nothing begins, whatever kind of client asks", arguments: kinds)
    func required(kind: String) async throws {
        let (fixture, client, proof) = try await setting(kind)
        let user = try await fixture.addUser()
        let browser = TestBrowser(fixture)
        try await fixture.signIn(browser, as: user)
        for change in Self.downgrades {
            let page = await browser.get(fixture.authorizeTarget(client, changing: change))
            #expect(page.status == 400 && page.location == nil, "\(change): \(page.status)")
            #expect(page.text.contains("error=invalid_request&"), "\(change)")
            let pushed = await fixture.send(
                .post, "/par", form: PushedRequestTests.form(client, changing: change) + (try proof()))
            #expect(pushed.status == 400, "\(change): \(pushed.text)")
            #expect(try pushed.member("error") == "invalid_request", "\(change)")
        }
        #expect(try await fixture.openLogins() == 0)
        let pushed = await fixture.send(.post, "/par", form: PushedRequestTests.form(client) + (try proof()))
        #expect(pushed.status == 201, "with S256 it is the same request: \(pushed.text)")
        let begun = await browser.get(fixture.authorizeTarget(client))
        #expect(
            begun.status == 303 && begun.location?.hasPrefix("/consent?") == true
                || begun.locationParameters["code"] != nil)
    }
}
