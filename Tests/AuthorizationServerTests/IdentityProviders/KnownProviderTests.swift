import AuthorizationServer
import JSON
import Testing

/// What the allow-lists of providers mean whose claims are their own: Google's and Entra's.
@Suite(.timeLimit(.minutes(2))) struct KnownProviderTests {
    /// The claims of a login, and whether it gets in.
    struct Login: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let claims: [String: JSONValue?]
        let isWelcome: Bool

        init(_ name: String, _ claims: [String: JSONValue?], _ isWelcome: Bool) {
            testDescription = name
            self.claims = claims
            self.isWelcome = isWelcome
        }
    }

    private func check(_ login: Login, allow: AllowList, claims: OpenIDClaims) async throws {
        let setting = try await ProviderSetting(allow: allow, claims: claims)
        setting.standIn.script { $0.claims = login.claims }
        let answer = try await setting.arrive()
        #expect((answer.locationParameters["code"] != nil) == login.isWelcome, "\(answer.status)")
        if !login.isWelcome {
            #expect(answer.status == 403 && answer.location == nil)
            #expect(try await setting.accounts().isEmpty)
        }
        await setting.stop()
    }

    static let google = [
        Login("of the domain", ["hd": "corp.test"], true), Login("in another case", ["hd": "Corp.Test"], true),
        Login("of no domain, with its address", [:], false), Login("of another domain", ["hd": "other.test"], false),
        Login("of a domain below", ["hd": "sub.corp.test"], false), Login("of one above", ["hd": "test"], false),
        Login("of one that begins so", ["hd": "corp.test.evil.test"], false),
        Login("of several", ["hd": ["corp.test"]], false), Login("of an empty one", ["hd": ""], false),
        Login("of a group of that name", ["groups": ["corp.test"]], false),
    ]

    @Test("I05: a Workspace domain is what Google signs as hd, and no part of an address", arguments: google)
    func hostedDomain(login: Login) async throws {
        try await check(
            login, allow: AllowList(keys: [AccessKey(.domain, "corp.test")]),
            claims: OpenIDClaims(userClaim: .verifiedEmail, domainClaim: "hd", needs: ["email"]))
    }

    static let entra = [
        Login("by the sign-in name", ["preferred_username": "alice@corp.test", "email": nil], true),
        Login("in another case", ["preferred_username": "Alice@CORP.test", "email": nil], true),
        Login("by a verified address alone", [:], false),
        Login("by another sign-in name", ["preferred_username": "mallory@corp.test"], false),
        Login("by a sign-in name that is no address", ["preferred_username": "alice"], false),
        Login("by several", ["preferred_username": ["alice@corp.test"]], false),
        Login("by the identifier of a group", ["groups": ["0f1e", "1a2b"]], true),
        Login("by another group", ["groups": ["1a2c"]], false),
        Login("by a group as sign-in name", ["preferred_username": "1a2b"], false),
    ]

    @Test("I05: at Entra the directory's sign-in name counts, and an address does not", arguments: entra)
    func directory(login: Login) async throws {
        try await check(
            login, allow: AllowList(keys: [AccessKey(.user, "alice@corp.test"), AccessKey(.group, "1a2b")]),
            claims: OpenIDClaims(
                userClaim: .directoryAddress("preferred_username"), groupsClaim: "groups", needs: []))
    }
}
