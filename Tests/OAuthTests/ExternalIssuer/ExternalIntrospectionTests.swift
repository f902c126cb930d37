import Crypto
import Foundation
import HTTP
import OAuth
import Synchronization
import Telemetry
import TestSupport
import Testing

/// Tokens about which their authorization server is asked.
@Suite("External issuer by introspection", .timeLimit(.minutes(1)))
struct ExternalIntrospectionTests {
    static func access(cache: Duration = .seconds(30)) -> ExternalIssuer.Verification {
        .introspection(IntrospectionAccess(client: "gate way", secret: "s&cret:é", cache: cache))
    }

    static func answer(_ issuer: IssuerServer, _ changes: [String: String?] = [:]) -> String {
        issuer.claims(["active": "true"].merging(changes) { $1 })
    }

    @Test("RFC 7662 §2: an active token is taken, asked about with our credential, and remembered for a short while")
    func active() async throws {
        try await withIssuer { issuer in
            let verifier = try issuer.verifier(Self.access())
            issuer.say("opaque-1", Self.answer(issuer))
            let principal = try await verifier.verify(
                "opaque-1", for: IssuerServer.resource, issuer: IssuerServer.origin)
            #expect(principal.user.value == issuer.issuer + "#alice" && principal.groups == ["staff", "ops"])
            // Form-encoded before they are joined (RFC 6749 §2.3.1); a blank has two spellings there.
            let expected = ["gate+way", "gate%20way"].map { client in
                "Basic " + Base64.encode(Array("\(client):s%26cret%3A%C3%A9".utf8))
            }
            let sent = issuer.state.withLock { $0.credentials }
            #expect(sent.count == 1 && expected.contains(sent.first ?? ""), "\(sent)")
            for _ in 0..<10 { #expect(await refusal(verifier, "opaque-1") == nil) }
            #expect(issuer.requests("introspect") == 1)
            // Revoked there: noticed here when the answer no longer counts (T08).
            issuer.say("opaque-1", nil)
            issuer.now = issuer.now + .seconds(29)
            #expect(await refusal(verifier, "opaque-1") == nil)
            issuer.now = issuer.now + .seconds(1)
            #expect(await refusal(verifier, "opaque-1") == .invalid)
            let strict = try issuer.verifier(Self.access(cache: .zero))
            for _ in 0..<3 { #expect(await refusal(strict, "x") == .invalid) }
            #expect(issuer.requests("introspect") == 5)
        }
    }

    @Test("T05, R02: what the answer says about issuer, audience, times and keys is checked")
    func claims() async throws {
        try await withIssuer { issuer in
            let verifier = try issuer.verifier(Self.access())
            let lax = try issuer.verifier(Self.access()) { $0.acceptsMissingAudience = true }
            let now = issuer.now.seconds
            let bad: [[String: String?]] = [
                ["iss": "\"https://evil.test\""], ["aud": "\"https://evil.test/\""], ["exp": "\(now)"],
                ["nbf": "\(now + 61)"], ["sub": nil], ["cnf": #"{"jkt":"x"}"#], ["active": "false"],
            ]
            for (number, changes) in bad.enumerated() {
                let token = "bad-\(number)"
                issuer.say(token, Self.answer(issuer, changes))
                #expect(await refusal(verifier, token) == .invalid, "\(changes)")
                #expect(await refusal(lax, token) == .invalid, "\(changes)")
            }
            issuer.say("poor", Self.answer(issuer, ["aud": nil, "iss": nil, "exp": nil, "iat": nil]))
            #expect(await refusal(verifier, "poor") == .invalid)
            #expect(await refusal(lax, "poor") == nil)
        }
    }

    @Test("T04: what the issuer says to be a refresh token or an ID token is refused, active or not")
    func otherKinds() async throws {
        try await withIssuer { issuer in
            let verifier = try issuer.verifier(Self.access())
            let bad: [[String: String?]] = [
                ["token_use": #""refresh_token""#], ["token_type": #""refresh_token""#], ["typ": #""Refresh""#],
                ["typ": #""Offline""#], ["token_use": #""id""#], ["token_type": #""DPoP""#],
            ]
            for (number, changes) in bad.enumerated() {
                issuer.say("other-\(number)", Self.answer(issuer, changes))
                #expect(await refusal(verifier, "other-\(number)") == .invalid, "\(changes)")
            }
            let good: [[String: String?]] = [
                ["token_use": #""access_token""#], ["token_type": #""bearer""#, "typ": #""Bearer""#],
                ["token_use": #""access""#],
            ]
            for (number, changes) in good.enumerated() {
                issuer.say("good-\(number)", Self.answer(issuer, changes))
                #expect(await refusal(verifier, "good-\(number)") == nil, "\(changes)")
            }
        }
    }

    @Test("R04: an issuer that is down, or says nothing that can be read, lets nobody in")
    func failing() async throws {
        try await withIssuer { issuer in
            let verifier = try issuer.verifier(Self.access(cache: .zero))
            for answer in [
                "{}", "[]", "nonsense", #"{"active":"true"}"#, #"{"active":1}"#, #"{"active":true,"active":true}"#,
            ] {
                issuer.say("odd", answer)
                #expect(await refusal(verifier, "odd") == .unavailable, "\(answer)")
            }
            issuer.say("good", Self.answer(issuer))
            issuer.state.withLock { $0.isDown = true }
            #expect(await refusal(verifier, "good") == .unavailable)
            issuer.state.withLock { $0.isDown = false }
            #expect(await refusal(verifier, "good") == nil)
        }
    }

    @Test("our own secrets and tokens of other issuers are shown to nobody; our own tokens go on working beside")
    func beside() async throws {
        try await withIssuer { issuer in
            let fixture = try TokenFixture()
            let verifier = try issuer.verifier(Self.access(), own: fixture.verifier())
            #expect(await refusal(verifier, try fixture.token()) == nil)
            #expect(await refusal(verifier, "sp_key_secret") == .invalid)
            #expect(
                await refusal(verifier, try TokenFixture().token(claims: ["iss": "\"https://evil.test\""])) == .invalid)
            #expect(issuer.requests("introspect") == 0)
            let foreign = try issuer.verifier(own: fixture.verifier())
            #expect(await refusal(foreign, try issuer.token(try issuer.makeKey())) == nil)
            #expect(await refusal(foreign, try fixture.token()) == nil)
            #expect(await refusal(foreign, "opaque") == .invalid)
            // A token that says it is the other issuer's is judged by that issuer's keys alone.
            let claimed = try fixture.token(claims: ["iss": "\"\(issuer.issuer)\""])
            #expect(await refusal(foreign, claimed) == .invalid)
        }
    }
}
