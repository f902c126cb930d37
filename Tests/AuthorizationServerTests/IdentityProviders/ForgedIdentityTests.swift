import AuthorizationServer
import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Storage
import Testing

/// A provider that lies about who somebody is. The cases and their names are those of the OpenID conformance suite's plan
/// for basic clients.
@Suite(.timeLimit(.minutes(2))) struct ForgedIdentityTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let isWelcome: Bool
        let change: @Sendable (inout ProviderStandIn.Script) -> Void
        var testDescription: String { name }

        init(
            _ name: String, isWelcome: Bool = false,
            _ change: @escaping @Sendable (inout ProviderStandIn.Script) -> Void
        ) {
            self.name = name
            self.isWelcome = isWelcome
            self.change = change
        }
    }

    static let cases: [Case] = [
        Case("oidcc-client-test", isWelcome: true) { _ in },
        Case("oidcc-client-test-nonce-invalid") { $0.claims["nonce"] = .string("another") },
        Case("oidcc-client-test-scope-userinfo-claims", isWelcome: true) {
            $0.claims["email"] = .some(nil)
            $0.userInfo = ["sub": "sub-alice", "email": "alice@corp.test", "email_verified": true]
        },
        Case("oidcc-client-test-client-secret-basic", isWelcome: true) {
            $0.discovery["token_endpoint_auth_methods_supported"] = .array(["client_secret_basic"])
        },
        Case("oidcc-client-test-kid-absent-single-jwks", isWelcome: true) { $0.header["kid"] = .some(nil) },
        Case("oidcc-client-test-kid-absent-multiple-jwks") {
            $0.header["kid"] = .some(nil)
            $0.surplusKeys = 1
        },
        Case("oidcc-client-test-missing-iat") { $0.claims["iat"] = .some(nil) },
        Case("oidcc-client-test-missing-sub") { $0.claims["sub"] = .some(nil) },
        Case("oidcc-client-test-invalid-iss") { $0.claims["iss"] = .string("https://evil.test") },
        Case("oidcc-client-test-missing-aud") { $0.claims["aud"] = .some(nil) },
        Case("oidcc-client-test-invalid-aud") { $0.claims["aud"] = .string("another client") },
        Case("oidcc-client-test-invalid-sig") { $0.breaksSignature = true },
        Case("oidcc-client-test-idtoken-sig-none") {
            $0.header["alg"] = .string("none")
            $0.header["kid"] = .some(nil)
            $0.unsigned = true
        },
        Case("oidcc-client-test-userinfo-invalid-sub") {
            $0.claims["email"] = .some(nil)
            $0.userInfo = ["sub": "sub-mallory", "email": "alice@corp.test", "email_verified": true]
        },
        // Beyond the plan.
        Case("no ID token") { $0.sendsIDToken = false },
        Case("nonce missing") { $0.claims["nonce"] = .some(nil) },
        Case("sub empty") { $0.claims["sub"] = .string("") },
        Case("sub of 256 bytes") { $0.claims["sub"] = .string(String(repeating: "x", count: 256)) },
        Case("expired") { $0.claims["exp"] = .integer(1_799_999_000) },
        Case("exp missing") { $0.claims["exp"] = .some(nil) },
        Case("exp a string") { $0.claims["exp"] = .string("4000000000") },
        Case("iat in the future") { $0.claims["iat"] = .integer(1_800_000_600) },
        Case("nbf in the future") { $0.claims["nbf"] = .integer(1_800_000_600) },
        Case("another audience as well, no azp") { $0.claims["aud"] = .array(["sallyport", "other"]) },
        Case("another audience as well, azp is the other") {
            $0.claims["aud"] = .array(["sallyport", "other"])
            $0.claims["azp"] = .string("other")
        },
        Case("another audience as well, azp is us", isWelcome: true) {
            $0.claims["aud"] = .array(["other", "sallyport"])
            $0.claims["azp"] = .string("sallyport")
        },
        Case("azp of another client") { $0.claims["azp"] = .string("other") },
        Case("audience with a number in it") { $0.claims["aud"] = .array(["sallyport", 5]) },
        Case("at_hash of another token") { $0.claims["at_hash"] = .string("AAAAAAAAAAAAAAAAAAAAAA") },
        Case("typ of an access token") { $0.header["typ"] = .string("at+jwt") },
        Case("typ of a logout token") { $0.header["typ"] = .string("logout+jwt") },
        Case("typ absent", isWelcome: true) { $0.header["typ"] = .some(nil) },
        Case("crit") { $0.header["crit"] = .array(["exp"]) },
        Case("a key brought along") {
            $0.breaksSignature = true
            $0.header["jwk"] = .object([.init("kty", "EC")])
            $0.header["jku"] = .string("http://127.0.0.1:1/jwks")
        },
        Case("HS256 with the public key") { $0.header["alg"] = .string("HS256") },
        Case("RS256 said of an EC key") { $0.header["alg"] = .string("RS256") },
        Case("kid that nobody published") { $0.header["kid"] = .string("unknown") },
    ]

    @Test("I04: of forged ID tokens none opens an account", arguments: cases)
    func forged(_ test: Case) async throws {
        let setting = try await ProviderSetting()
        setting.standIn.script(test.change)
        let answer = await setting.browser.get(try setting.standIn.signIn(try await setting.depart()))
        if test.isWelcome {
            #expect(answer.locationParameters["code"] != nil, "\(answer.status) \(answer.text)")
            #expect(try await setting.accounts().first?.email == "alice@corp.test")
        } else {
            #expect(answer.status == 403, "\(answer.location ?? "")")
            #expect(answer.location == nil)
            #expect(try await setting.accounts().isEmpty)
            #expect(setting.browser.cookies["sallyport-session"] == nil)
        }
        await setting.stop()
    }

    @Test("I05: the key is issuer and subject: the same e-mail under another subject is another account")
    func otherSubject() async throws {
        let setting = try await ProviderSetting(providers: 2)
        _ = try await setting.arrive()
        setting.standIn.script { $0.subject = "sub-2" }
        let second = TestBrowser(setting.fixture)
        _ = await second.get(try setting.standIn.signIn(try await setting.depart(second)))
        // The same subject of another issuer is a third person.
        let third = TestBrowser(setting.fixture)
        _ = await third.get(try setting.standIns[1].signIn(try await setting.depart(third, to: "corp2")))
        // And the first one again is the first one.
        setting.standIn.script { $0.subject = "sub-alice" }
        let again = TestBrowser(setting.fixture)
        _ = await again.get(try setting.standIn.signIn(try await setting.depart(again)))
        #expect(
            try await setting.accounts().map(\.name) == [
                "corp2:alice@corp.test", "corp:alice@corp.test", "corp:alice@corp.test-2",
            ])
        await setting.stop()
    }

    struct Claims: Sendable, CustomTestStringConvertible {
        let email: JSONValue?
        let verified: JSONValue?
        let isWelcome: Bool
        var testDescription: String { "\(email.map { "\($0)" } ?? "-") \(verified.map { "\($0)" } ?? "-")" }

        init(_ email: JSONValue?, _ verified: JSONValue?, _ isWelcome: Bool = false) {
            self.email = email
            self.verified = verified
            self.isWelcome = isWelcome
        }
    }

    static let claims: [Claims] = [
        Claims("alice@corp.test", true, true), Claims("ALICE@Corp.Test", true, true),
        Claims("alice@corp.test", false), Claims("alice@corp.test", nil), Claims("alice@corp.test", "true"),
        Claims("alice@corp.test", 1), Claims("alice@corp.test", .null), Claims("alice@corp.test", .array([true])),
        Claims(nil, true), Claims("", true), Claims(.array(["alice@corp.test"]), true),
        Claims("alice@x@corp.test", true), Claims("alice@corp.test@evil.test", true), Claims("@corp.test", true),
        Claims("alice", true), Claims("alice@", true), Claims("alice@corp.test\n", true),
        Claims("alice@corp.test\u{0}", true), Claims(" alice@corp.test", true), Claims("alice@corp.test.", true),
        Claims("alice@corp\u{2E}test ", true), Claims("alic\u{65}\u{301}@corp.test", true),
        Claims("alice@\u{212A}orp.test", true), Claims("ali\u{441}e@corp.test", true),
        Claims("alice@corp\u{3002}test", true), Claims("alice%40corp.test", true), Claims("bob@corp.test", true),
    ]

    @Test("I05: an address counts when it is verified, plain and the same bytes", arguments: claims)
    func email(_ test: Claims) async throws {
        let allow = AllowList(
            keys: ["alice@corp.test", "kim@korp.test"].reduce(into: []) {
                if let email = EmailAddress($1) { $0.insert(AccessKey(.user, email.text)) }
            })
        let setting = try await ProviderSetting(allow: allow)
        setting.standIn.script {
            $0.claims["email"] = .some(test.email)
            $0.claims["email_verified"] = .some(test.verified)
        }
        let answer = try await setting.arrive()
        #expect((answer.locationParameters["code"] != nil) == test.isWelcome, "\(answer.status)")
        if !test.isWelcome {
            #expect(answer.status == 403 && answer.location == nil)
            #expect(try await setting.accounts().isEmpty)
        }
        await setting.stop()
    }

    @Test("I05: the Kelvin sign is no k, in an address, a login, or a group")
    func kelvin() {
        #expect(EmailAddress("\u{212A}im@corp.test") == nil)
        #expect(AccessKey(.user, ignoringCase: "\u{212A}im") != AccessKey(.user, ignoringCase: "kim"))
        #expect(AccessKey(.user, ignoringCase: "KIM") == AccessKey(.user, ignoringCase: "kim"))
        #expect(AccessKey(.group, "caf\u{E9}") != AccessKey(.group, "cafe\u{301}"))
        #expect(AccessKey(.group, "admin") != AccessKey(.user, "admin"))
    }

    @Test("an empty allow-list admits nobody, a group admits its members")
    func groups() async throws {
        for (allow, isWelcome) in [
            (AllowList(), false), (AllowList(keys: [AccessKey(.group, "staff")]), true),
            (AllowList(keys: [AccessKey(.group, "Staff")]), false),
            (AllowList(keys: [AccessKey(.user, "staff")]), false),
        ] {
            let setting = try await ProviderSetting(allow: allow)
            setting.standIn.script { $0.claims["groups"] = .array(["ops", "staff"]) }
            let answer = try await setting.arrive()
            #expect((answer.locationParameters["code"] != nil) == isWelcome)
            if isWelcome { #expect(try await setting.accounts().first?.groups == ["ops", "staff"]) }
            await setting.stop()
        }
    }
}
