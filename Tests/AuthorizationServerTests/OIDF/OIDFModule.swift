import AuthorizationServer
import Foundation
import HTTP
import JSON
import Testing

/// One run of a module of the OpenID Foundation's conformance suite: a server, a client, a browser with a user.
///
/// The modules are ported by what they assert, without ID tokens and UserInfo, which an OAuth server does not have; each test
/// is named as its module is.
struct OIDFModule {
    let fixture: Fixture
    let client: Fixture.TestClient
    let browser: TestBrowser

    init(
        redirects: [String] = [Fixture.redirect], method: String = "client_secret_basic",
        documents: (any PeerDocumentFetcher)? = nil
    ) async throws {
        fixture = try await Fixture(documents: documents)
        client = try await fixture.registerClient(redirects: redirects, method: method)
        browser = TestBrowser(fixture)
        try await fixture.signIn(browser, as: try await fixture.addUser())
    }

    /// What the browser ends at when it follows an authorization request and the user allows what is asked.
    func authorize(_ target: String) async -> Answer {
        let answer = await browser.follow(await browser.get(target))
        let form = answer.form(decision: "allow")
        return answer.status == 200 && !form.isEmpty ? await browser.post("/consent", form) : answer
    }

    /// Lets the user use the client once: from then on errors go to it, not to a page (A03).
    func approve() async throws {
        try await tokens(in: await redeem(try await fixture.code(browser, client)))
    }

    /// An authorization response as every flow module checks it: at the registered address, with `state` and `iss`, and
    /// with a code that nobody guesses (RFC 6749 §10.10).
    func code(in answer: Answer, sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
        #expect(answer.location?.hasPrefix(client.redirect) == true, sourceLocation: sourceLocation)
        let parameters = answer.locationParameters
        #expect(parameters["state"] == "xyz", sourceLocation: sourceLocation)
        #expect(parameters["iss"] == "http://localhost:8080", sourceLocation: sourceLocation)
        #expect(parameters["error"] == nil, sourceLocation: sourceLocation)
        let code = try #require(parameters["code"], "\(answer.status) \(answer.text)", sourceLocation: sourceLocation)
        #expect(code.utf8.count >= 22 && Set(code.dropFirst(8)).count >= 12, sourceLocation: sourceLocation)
        return code
    }

    /// A token response as every flow module checks it (RFC 6749 §5.1); returns the access and the refresh token.
    @discardableResult
    func tokens(
        in answer: Answer, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> (access: String, refresh: String) {
        #expect(answer.status == 200, "\(answer.text)", sourceLocation: sourceLocation)
        #expect(answer.header("content-type")?.hasPrefix("application/json") == true, sourceLocation: sourceLocation)
        #expect(answer.header("cache-control") == "no-store", sourceLocation: sourceLocation)
        #expect(try answer.member("token_type")?.lowercased() == "bearer", sourceLocation: sourceLocation)
        #expect((try answer.json()["expires_in"]?.integer ?? 0) > 0, sourceLocation: sourceLocation)
        let access = try #require(try answer.member("access_token"), sourceLocation: sourceLocation)
        #expect(await fixture.accepts(access), "the protected resource takes it", sourceLocation: sourceLocation)
        let refresh = try #require(try answer.member("refresh_token"), sourceLocation: sourceLocation)
        #expect(
            refresh.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "RFC 6749 §A.17", sourceLocation: sourceLocation)
        return (access, refresh)
    }

    /// Redeems with the client's registered way of authentication.
    func redeem(_ code: String, changing: [String: String?] = [:]) async -> Answer {
        await fixture.redeem(code, client, changing: changing)
    }

    /// An error of the token endpoint as every module checks it (RFC 6749 §5.2).
    func expectTokenError(
        _ answer: Answer, _ error: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        #expect(answer.status == 400, sourceLocation: sourceLocation)
        #expect(answer.header("content-type")?.hasPrefix("application/json") == true, sourceLocation: sourceLocation)
        #expect(try answer.member("error") == error, sourceLocation: sourceLocation)
        let description = try answer.member("error_description") ?? ""
        let permitted = description.utf8.allSatisfy { (0x20...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C }
        #expect(permitted, "\(description)", sourceLocation: sourceLocation)
    }

    /// An error page of our own: shown, sent nowhere.
    func expectErrorPage(_ answer: Answer, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(answer.status == 400, sourceLocation: sourceLocation)
        #expect(answer.location == nil, sourceLocation: sourceLocation)
        #expect(answer.header("content-type")?.hasPrefix("text/html") == true, sourceLocation: sourceLocation)
        #expect(
            !answer.text.contains(client.redirect + "?"), "no link to the client either", sourceLocation: sourceLocation
        )
    }

    /// The parameters of a good authorization request, in the given order of names.
    func target(ordered names: [String], changing: [String: String] = [:]) throws -> String {
        let plain = try #require(URLComponents(string: fixture.authorizeTarget(client))?.queryItems)
        var values = Dictionary(plain.map { ($0.name, $0.value ?? "") }) { first, _ in first }
        values.merge(changing) { $1 }
        #expect(Set(names) == Set(values.keys))
        return "/authorize?" + Fixture.encode(names.compactMap { name in values[name].map { (name, $0) } })
    }
}
