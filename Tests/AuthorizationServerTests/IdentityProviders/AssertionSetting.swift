import AuthorizationServer
import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import TestSupport
import Testing

/// An authorization server that takes the assertions of a stand-in, and clients that may show them.
struct AssertionSetting {
    static let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    static let a = "http://localhost:8080/a/mcp"
    static let b = "http://localhost:8080/b/mcp"

    let clock: ManualClock
    let standIn: ProviderStandIn
    let fixture: Fixture

    init(
        allow: AllowList = AllowList(admitsEverybody: true),
        clients: Set<String>? = ["agent", "other", "public", "web"],
        tenant: String? = nil, scope: String? = nil, resources: [String]? = nil, withLogin: Bool = false,
        sharing other: AssertionSetting? = nil, documents: PublishedDocuments? = nil
    ) async throws {
        let clock = other?.clock ?? ManualClock()
        self.clock = clock
        if let other { standIn = other.standIn } else { standIn = try await ProviderStandIn(clock: clock) }
        let known = try [
            ClientCredentialsTests.client("agent", grantTypes: Self.grant, scope: scope, resources: resources),
            ClientCredentialsTests.client("other", grantTypes: Self.grant),
            ClientCredentialsTests.client("stranger", grantTypes: Self.grant),
            ClientCredentialsTests.client("public", grantTypes: Self.grant, method: "none"),
            ClientCredentialsTests.client("web", grantTypes: "authorization_code"),
        ]
        fixture = try await Fixture(
            sharing: other?.fixture, clock: clock,
            providers: ProviderDirectory(
                providers: withLogin ? [try standIn.provider(allow: allow)] : [],
                assertingProviders: [try standIn.asserting(allow: allow, clients: clients, tenant: tenant)],
                hasLocalAccounts: true, sealing: SharedKeys.sealing), documents: documents
        ) {
            $0.clients = known
            $0.grants.acceptsIdentityAssertions = true
        }
    }

    /// Exchanges an assertion.
    func exchange(
        _ assertion: String, as client: String = "agent", secret: String? = "robot's secret",
        adding form: [(String, String)] = [], proof: String? = nil
    ) async -> Answer {
        let credentials = secret.map { [("client_secret", $0)] } ?? []
        return await fixture.send(
            .post, "/token", fields: proof.map { [("DPoP", $0)] } ?? [],
            form: [("grant_type", Self.grant), ("assertion", assertion), ("client_id", client)] + credentials + form)
    }

    /// The refusal of an assertion that differs from a good one; nil where it is taken.
    func refusal(
        _ claims: [String: JSONValue?] = [:], header: [String: JSONValue?] = [:], adding form: [(String, String)] = []
    ) async throws -> String? {
        let answer = await exchange(standIn.assertion(claims: claims, header: header), adding: form)
        guard answer.status != 200 else { return nil }
        #expect(answer.status == 400, "\(answer.text)")
        #expect(answer.header("cache-control") == "no-store")
        return try answer.member("error")
    }

    static func claims(_ answer: Answer) throws -> JSONNode {
        let token = try #require(try answer.member("access_token"), "\(answer.text)")
        let payload = try #require(Base64URL.decode(Array(token.utf8.split(separator: UInt8(ascii: "."))[1])))
        return try JSONDocument(parsing: payload).root
    }

    func stop() async { await standIn.stop() }
}
