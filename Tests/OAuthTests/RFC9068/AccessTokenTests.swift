import Crypto
import JSON
import OAuth
import Telemetry
import Testing

@Suite struct AccessTokenTests {
    @Test(arguments: SignatureAlgorithm.allCases) func aGoodTokenIsAccepted(algorithm: SignatureAlgorithm) async throws
    {
        let fixture = try TokenFixture(algorithm)
        let principal = try await fixture.verifier().verify(
            fixture.token(), for: TokenFixture.resource, issuer: TokenFixture.issuer)
        #expect(principal.user == UserID("alice") && principal.client == ClientID("c1"))
        #expect(principal.scope == Scope(tokens: ["x"]) && principal.grant == GrantID("g1"))
    }

    @Test(
        "T01: alg none in every spelling is refused",
        arguments: [
            "none", "None", "NONE", "nOnE", "", "null", "NoNe", "none ", " none", "n\\u006fne", "HS256", "es256",
        ])
    func algorithmNone(name: String) async throws {
        let fixture = try TokenFixture()
        let verifier = fixture.verifier()
        let good = try fixture.token(header: ["alg": "\"\(name)\""])
        let unsigned = good.split(separator: ".").dropLast().joined(separator: ".")
        for token in [good, unsigned, unsigned + ".", unsigned + ".AA"] { #expect(await !accepts(verifier, token)) }
    }

    @Test("T02: a public key is never an HMAC secret", arguments: ["HS256", "HS384", "HS512"])
    func hmacConfusion(algorithm: String) async throws {
        let fixture = try TokenFixture(.rs256)
        let verifier = fixture.verifier()
        let jwk = JSONWebKey(try fixture.key.publicKey())
        let der = RSAPublicKeyText.der(jwk.key.parameters)
        let pem = RSAPublicKeyText.pem(der)
        let set = JSONWebKeySet(keys: [jwk]).json()
        var secrets = [der, pem, jwk.json().serialized(), set, Array(jwk.id.utf8), try fixture.key.der(), []]
        secrets += secrets.map { $0 + [0x0A] } + [Array(pem.dropLast())]
        for secret in secrets {
            let header = #"{"alg":"\#(algorithm)","typ":"at+jwt","kid":"\#(fixture.keyID)"}"#
            let signed = Base64URL.encode(Array(header.utf8)) + "." + (try fixture.token().split(separator: ".")[1])
            let mac = HMACSHA256.authenticate(Array(signed.utf8), key: secret)
            // No HMAC is computed for any of the three, so a shorter code stands for the longer ones.
            for code in [mac, mac + mac.prefix(16), mac + mac] {
                #expect(await !accepts(verifier, signed + "." + Base64URL.encode(code)))
            }
        }
    }

    @Test("T03: keys in the header are not looked at, unknown and odd key ids are refused")
    func headerKeys() async throws {
        let fixture = try TokenFixture()
        let attacker = try TokenFixture()
        let jwk = String(decoding: JSONWebKey(try attacker.key.publicKey()).json().serialized(), as: UTF8.self)
        let verifier = fixture.verifier()
        let forgeries = try [
            attacker.token(header: ["jwk": jwk]), attacker.token(header: ["jwk": jwk, "kid": "\"\(fixture.keyID)\""]),
            attacker.token(header: ["jku": #""https://evil.test/jwks""#, "kid": "\"\(fixture.keyID)\""]),
            attacker.token(header: ["x5u": #""https://evil.test/x""#, "x5c": #"["AA"]"#, "kid": "\"\(fixture.keyID)\""]
            ),
        ]
        for token in forgeries { #expect(await !accepts(verifier, token)) }
        let ids = [
            "../../dev/null", "' OR 1=1--", "https://evil.test/key", "\\u0000", String(repeating: "k", count: 65), "",
            fixture.keyID + " ", fixture.keyID.uppercased(),
        ]
        for id in ids {
            let token = try fixture.token(header: ["kid": "\"\(id)\""])
            #expect(await !accepts(verifier, token))
        }
        for kid in ["null", "1", "[]", nil] as [String?] {
            let token = try fixture.token(header: ["kid": kid])
            #expect(await !accepts(verifier, token))
        }
    }

    @Test("T03: 10,000 random key ids find nothing, and long ones are not even looked up")
    func randomKeyIDs() async throws {
        let fixture = try TokenFixture()
        let verifier = fixture.verifier()
        let body = try fixture.token().split(separator: ".").dropFirst().joined(separator: ".")
        func token(_ id: String) -> String {
            Base64URL.encode(Array(#"{"alg":"ES256","typ":"at+jwt","kid":"\#(id)"}"#.utf8)) + "." + body
        }
        for number in 0..<10_000 {
            let id = Base64URL.encode(Random.bytes(1 + number % 90))
            #expect(await !accepts(verifier, token(id)))
        }
        #expect(await !accepts(verifier, token(String(repeating: "k", count: 1 << 20))))
        #expect(fixture.longestKeyID <= 64)
    }

    @Test(
        "T04: only an access token is an access token",
        arguments: [
            ["typ": "\"JWT\""], ["typ": "\"id_token\""], ["typ": "\"dpop+jwt\""], ["typ": "\"logout+jwt\""],
            ["typ": "\"client-authentication+jwt\""], ["typ": "\"oauth-id-jag+jwt\""], ["typ": "\"secevent+jwt\""],
            ["typ": "\"token-introspection+jwt\""], ["typ": "\"at+jwt \""], ["typ": "\"x/at+jwt\""],
            ["typ": nil],
            ["typ": "\"at+jwt;x\""], ["crit": #"["exp"]"#], ["crit": "[]"], ["zip": "\"DEF\""], ["enc": "\"A128GCM\""],
            ["b64": "false"], ["typ": "1"],
        ] as [[String: String?]])
    func otherTypes(header: [String: String?]) async throws {
        let fixture = try TokenFixture()
        #expect(await !accepts(fixture.verifier(), try fixture.token(header: header)))
    }

    @Test("T04: an encrypted token is none") func encrypted() async throws {
        let fixture = try TokenFixture()
        let verifier = fixture.verifier()
        let good = try fixture.token()
        for token in [good + ".AA.AA", "\(good).\(good)", good.replacing(".", with: "..")] {
            #expect(await !accepts(verifier, token))
        }
    }

    @Test(
        "T05: wrong claims are refused",
        arguments: [
            ["iss": "\"https://evil.test\""], ["iss": nil], ["iss": "\"https://gw.test/\""],
            ["aud": "\"https://gw.test/b/mcp\""],
            ["aud": nil], ["aud": "[]"], ["aud": "1"], ["aud": #"["https://gw.test/a/mcp","https://evil.test/"]"#],
            ["aud": #"["https://gw.test/a/mcp","https://gw.test.evil/a"]"#], ["aud": #"["https://gw.test/a/mcp",1]"#],
            ["aud": "\"https://gw.test/a/mcp/\""], ["aud": "\"https://gw.test\""], ["exp": nil],
            ["exp": "\"9999999999\""],
            ["exp": "1e400"], ["exp": "1e12"], ["exp": "-1"], ["exp": "0"], ["exp": "null"], ["exp": "1800000000"],
            ["exp": "1799999999"], ["iat": nil], ["iat": "1800000061"], ["iat": "\"1\""], ["nbf": "1800000061"],
            ["nbf": "\"x\""],
            ["sub": nil], ["sub": "\"\""], ["sub": "1"], ["jti": nil], ["client_id": nil], ["grant": nil],
            ["scope": "[\"x\"]"],
            ["scope": "\"x  y\""], ["exp": "9223372036854775807000"], ["exp": "1800000900.5"], ["exp": "true"],
            ["nbf": "null"], ["iss": "[\"https://gw.test\"]"], ["iss": "\"https://GW.test\""],
            ["aud": #"["https://gw.test/b/mcp","https://gw.test/c/mcp"]"#], ["aud": #"{"a":"https://gw.test/a/mcp"}"#],
            ["client_id": "\"\""], ["grant": "1"],
        ] as [[String: String?]])
    func wrongClaims(claims: [String: String?]) async throws {
        let fixture = try TokenFixture()
        #expect(await !accepts(fixture.verifier(), try fixture.token(claims: claims)))
    }

}
