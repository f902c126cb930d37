import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Synchronization
import Telemetry
import TestSupport
import Testing

/// Tokens of another authorization server, verified by its keys.
@Suite("External issuer by its keys", .timeLimit(.minutes(1)))
struct ExternalKeySetTests {
    @Test(
        "RFC 9068 §4: a good token of another issuer is taken, its claims mapped",
        arguments: SignatureAlgorithm.allCases)
    func good(_ algorithm: SignatureAlgorithm) async throws {
        try await withIssuer { issuer in
            let token = try issuer.token(try issuer.makeKey(algorithm))
            let principal = try await issuer.verifier().verify(
                token, for: IssuerServer.resource, issuer: IssuerServer.origin)
            #expect(principal.user.value == issuer.issuer + "#alice" && principal.userName == "Alice")
            #expect(principal.email == "alice@example.com" && principal.groups == ["staff", "ops"])
            #expect(principal.scope == Scope(tokens: ["read", "write"]))
            #expect(principal.client.value == issuer.issuer + "#c1" && principal.token?.value == "t1")
            #expect(principal.grant == nil && principal.expires == issuer.now + .seconds(900))
            #expect(issuer.requests("discovery") == 1 && issuer.requests("jwks") == 1)
        }
    }

    @Test("claims are found where the operator says, also inside of objects")
    func mapping() async throws {
        try await withIssuer { issuer in
            let verifier = try issuer.verifier {
                $0.claims.user = ["https://corp.test/id"]
                $0.claims.groups = ["realm_access.roles"]
                $0.requiredScopes = ["mcp"]
            }
            let key = try issuer.makeKey()
            let changes: [String: String?] = [
                "https://corp.test/id": #""e-17""#, "realm_access": #"{"roles":["admin"]}"#, "scope": nil,
                "scp": #"["mcp","x"]"#, "client_id": nil, "azp": #""portal""#, "email_verified": "false",
            ]
            let principal = try await verifier.verify(
                try issuer.token(key, changes), for: IssuerServer.resource, issuer: IssuerServer.origin)
            #expect(principal.user.value.hasSuffix("#e-17") && principal.groups == ["admin"])
            #expect(principal.client.value.hasSuffix("#portal") && principal.scope.tokens.contains("mcp"))
            #expect(principal.email == nil, "I: an unverified address is none")
            let poor = try issuer.token(key, changes.merging(["scp": #""x""#]) { $1 })
            #expect(await refusal(verifier, poor) == .insufficientScope)
            #expect(await refusal(verifier, try issuer.token(key, ["scp": #""mcp""#, "scope": nil])) == .invalid)
        }
    }

    @Test("I05: an address that the issuer does not call verified is none, however it writes that")
    func unverifiedEmail() async throws {
        try await withIssuer { issuer in
            let key = try issuer.makeKey()
            let verifier = try issuer.verifier()
            func email(_ claim: String?) async throws -> String? {
                try await verifier.verify(
                    try issuer.token(key, ["email_verified": claim]), for: IssuerServer.resource,
                    issuer: IssuerServer.origin
                ).email
            }
            for claim in ["false", #""false""#, #""False""#, "0", "null", #""""#, "[true]"] {
                #expect(try await email(claim) == nil, "\(claim)")
            }
            for claim in [nil, "true", #""true""#] { #expect(try await email(claim) == "alice@example.com") }
        }
    }

    @Test("R02: a token for a resource elsewhere, which a proxy asks about, is for that one alone")
    func resourceElsewhere() async throws {
        try await withIssuer { issuer in
            let key = try issuer.makeKey()
            let verifier = try issuer.verifier()
            let token = try issuer.token(key, ["aud": #""https://files.test/mcp""#])
            _ = try await verifier.verify(token, for: "https://files.test/mcp", issuer: IssuerServer.origin)
            #expect(await refusal(verifier, token) == .invalid)
            let both = try issuer.token(key, ["aud": #"["https://files.test/mcp","https://evil.test/"]"#])
            await #expect(throws: AccessTokenRejection.self) {
                _ = try await verifier.verify(both, for: "https://files.test/mcp", issuer: IssuerServer.origin)
            }
        }
    }

    @Test("T04: ID tokens and refresh tokens of an issuer whose types say only JWT are refused by what they claim")
    func otherKinds() async throws {
        try await withIssuer { issuer in
            let key = try issuer.makeKey()
            let verifier = try issuer.verifier { $0.types = ["jwt"] }
            for (name, value) in [
                ("typ", "ID"), ("typ", "Refresh"), ("token_use", "id"), ("at_hash", "x"), ("c_hash", "x"),
            ] {
                let token = try issuer.token(key, type: "JWT", [name: "\"\(value)\""])
                #expect(await refusal(verifier, token) == .invalid, "\(name)")
            }
            #expect(await refusal(verifier, try issuer.token(key, type: "JWT", ["typ": #""Bearer""#])) == nil)
        }
    }

    @Test("T01, T02, T04, T06: unsigned, mistyped and altered tokens of another issuer are refused")
    func forgeries() async throws {
        try await withIssuer { issuer in
            let verifier = try issuer.verifier()
            let key = try issuer.makeKey(.rs256)
            let good = try issuer.token(key)
            let parts = good.split(separator: ".").map(String.init)
            let kid = JSONWebKey(try key.publicKey()).id
            func head(_ text: String) -> String { Base64URL.encode(Array(text.utf8)) }
            var bad = [
                head(#"{"alg":"none","typ":"at+jwt"}"#) + "." + parts[1] + ".",
                head(#"{"alg":"none","typ":"at+jwt","kid":"\#(kid)"}"#) + "." + parts[1] + "." + parts[2],
                head(#"{"alg":"ES256","typ":"at+jwt","kid":"\#(kid)"}"#) + "." + parts[1] + "." + parts[2],
                parts[0] + "." + parts[1] + ".AAAA", good + "=", good + ".x",
            ]
            for type in ["JWT", "id_token", "dpop+jwt", "logout+jwt"] { bad.append(try issuer.token(key, type: type)) }
            let hmac = head(#"{"alg":"HS256","typ":"at+jwt","kid":"\#(kid)"}"#) + "." + parts[1]
            let secret = JSONWebKey(try key.publicKey()).json().serialized()
            bad.append(hmac + "." + Base64URL.encode(HMACSHA256.authenticate(Array(hmac.utf8), key: secret)))
            bad.append(try issuer.token(try issuer.makeKey(isPublished: false), kid: kid))
            for token in bad { #expect(await refusal(verifier, token) == .invalid, "\(token)") }
            #expect(await refusal(verifier, good) == nil)
            let older = try issuer.verifier { $0.types = ["at+jwt", "jwt"] }
            #expect(await refusal(older, try issuer.token(key, type: "JWT")) == nil, "where the operator says so")
        }
    }

    @Test("T05, R02: wrong claims of another issuer are refused, one foreign audience spoils a token")
    func claims() async throws {
        try await withIssuer { issuer in
            let verifier = try issuer.verifier()
            let key = try issuer.makeKey()
            let now = issuer.now.seconds
            let bad: [[String: String?]] = [
                ["aud": nil], ["aud": "[]"], ["aud": "1"], ["aud": "\"https://gw.test/a/mcp/\""],
                ["aud": #"["https://gw.test/a/mcp","https://evil.test/"]"#], ["aud": #"["https://gw.test/b/mcp"]"#],
                ["exp": nil], ["exp": "\(now)"], ["exp": "\"9999999999\""], ["exp": "1e400"], ["exp": "-1"],
                ["iat": "\(now + 61)"], ["nbf": "\(now + 61)"], ["nbf": "\"x\""], ["sub": nil], ["sub": "\"\""],
                ["sub": "1"], ["cnf": #"{"jkt":"x"}"#],
            ]
            for changes in bad {
                #expect(await refusal(verifier, try issuer.token(key, changes)) == .invalid, "\(changes)")
            }
            for iss in ["\"https://evil.test\"", nil, "\"\(issuer.issuer)/\"", "1"] {
                #expect(await refusal(verifier, try issuer.token(key, ["iss": iss])) == .invalid)
            }
            let good = try issuer.token(key)
            #expect(await refusal(verifier, good) == nil)
            #expect(await refusal(verifier, good, resource: "https://gw.test/b/mcp") == .invalid)
            let both = try issuer.token(key, ["aud": #"["https://gw.test/a/mcp","https://gw.test/b/mcp"]"#])
            #expect(await refusal(verifier, both) == nil)
            let named = try issuer.verifier { $0.audiences = ["api://mcp"] }
            #expect(await refusal(named, try issuer.token(key, ["aud": #""api://mcp""#])) == nil)
            #expect(await refusal(named, try issuer.token(key, ["aud": #"["api://mcp","account"]"#])) == .invalid)
            issuer.now = issuer.now + .seconds(900)
            #expect(await refusal(verifier, good) == .invalid, "a remembered token expires too")
        }
    }

    @Test("T03: 10,000 random key ids cause one fetch a minute; a key that was added is found, a removed one refused")
    func rotation() async throws {
        try await withIssuer { issuer in
            let verifier = try issuer.verifier()
            let first = try issuer.makeKey()
            let token = try issuer.token(first)
            #expect(await refusal(verifier, token) == nil)
            #expect(issuer.requests("jwks") == 1)
            for _ in 0..<10_000 {
                let forged = try issuer.token(first, kid: Base64URL.encode(Random.bytes(12)))
                #expect(await refusal(verifier, forged) == .invalid)
            }
            #expect(issuer.requests("jwks") == 1, "within the minute of the first")
            issuer.now = issuer.now + .seconds(61)
            let second = try issuer.makeKey()
            #expect(await refusal(verifier, try issuer.token(second)) == nil)
            #expect(await refusal(verifier, try issuer.token(first, kid: "unknown")) == .invalid)
            #expect(issuer.requests("jwks") == 2 && issuer.requests("discovery") == 1)
            // Removed: noticed when the set is read again. The old set answers until the new one has come, and each token
            // is remembered for a minute: so other tokens ask whether it has.
            issuer.state.withLock { _ = $0.keys.removeFirst() }
            issuer.now = issuer.now + .seconds(301)
            _ = await refusal(verifier, token)
            try await eventuallyTrue("the set is read again, and the removed key refused") {
                let other = try issuer.token(first, ["jti": "\"\(UUID().uuidString)\""])
                return await refusal(verifier, other) == .invalid
            }
            #expect(issuer.requests("jwks") == 3)
            issuer.now = issuer.now + .seconds(60)
            #expect(await refusal(verifier, token) == .invalid, "remembered for no more than a minute")
            #expect(await refusal(verifier, try issuer.token(second)) == nil)
        }
    }

    @Test("F14, R04: while the issuer is down its known keys count for a day, then nothing is known and nobody gets in")
    func down() async throws {
        try await withIssuer { issuer in
            let key = try issuer.makeKey()
            issuer.state.withLock { $0.isDown = true }
            let verifier = try issuer.verifier()
            #expect(await refusal(verifier, try issuer.token(key)) == .unavailable)
            issuer.state.withLock { $0.isDown = false }
            issuer.now = issuer.now + .seconds(61)
            #expect(await refusal(verifier, try issuer.token(key)) == nil)
            issuer.state.withLock { $0.isDown = true }
            issuer.now = issuer.now + .seconds(86_000)
            #expect(await refusal(verifier, try issuer.token(key)) == nil)
            issuer.now = issuer.now + .seconds(1000)
            #expect(await refusal(verifier, try issuer.token(key)) == .unavailable)
        }
    }

    @Test("R04: 2,000 random tokens let nobody in and ask nobody") func randomTokens() async throws {
        try await withIssuer { issuer in
            let verifier = try issuer.verifier()
            for number in 0..<2000 {
                let noise = Base64URL.encode(Random.bytes(1 + number % 40))
                for token in [noise, "\(noise).\(noise).\(noise)", "..", ""] {
                    #expect(await refusal(verifier, token) == .invalid)
                }
            }
            #expect(issuer.requests("jwks") == 0 && issuer.requests("discovery") == 0)
        }
    }

    @Test("T09: what is remembered about one token is never said about another")
    func remembered() async throws {
        try await withIssuer { issuer in
            let verifier = try issuer.verifier()
            let key = try issuer.makeKey()
            for number in 0..<200 {
                for user in ["alice", "bob"] {
                    let token = try issuer.token(key, ["pad": "\"\(number / 2)\"", "sub": "\"\(user)\""])
                    for _ in 0..<2 {
                        let principal = try await verifier.verify(
                            token, for: IssuerServer.resource, issuer: IssuerServer.origin)
                        #expect(principal.user.value == issuer.issuer + "#" + user)
                    }
                }
            }
        }
    }
}
