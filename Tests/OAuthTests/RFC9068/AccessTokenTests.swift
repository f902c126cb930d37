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
        let keys: [[UInt8]] = [
            jwk.json().serialized(), jwk.json().serialized() + [0x0A], Array(jwk.id.utf8), try fixture.key.der(),
        ]
        for key in keys {
            let header = #"{"alg":"\#(algorithm)","typ":"at+jwt","kid":"\#(fixture.keyID)"}"#
            let parts = try fixture.token().split(separator: ".")
            let signed = Base64URL.encode(Array(header.utf8)) + "." + parts[1]
            let mac = HMACSHA256.authenticate(Array(signed.utf8), key: key)
            #expect(await !accepts(verifier, signed + "." + Base64URL.encode(mac)))
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

    @Test(
        "T04: only an access token is an access token",
        arguments: [
            ["typ": "\"JWT\""], ["typ": "\"id_token\""], ["typ": "\"dpop+jwt\""], ["typ": "\"logout+jwt\""],
            ["typ": nil],
            ["typ": "\"at+jwt;x\""], ["crit": #"["exp"]"#], ["crit": "[]"], ["zip": "\"DEF\""], ["enc": "\"A128GCM\""],
            ["b64": "false"], ["typ": "1"],
        ] as [[String: String?]])
    func otherTypes(header: [String: String?]) async throws {
        let fixture = try TokenFixture()
        #expect(await !accepts(fixture.verifier(), try fixture.token(header: header)))
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
            ["scope": "\"x  y\""],
        ] as [[String: String?]])
    func wrongClaims(claims: [String: String?]) async throws {
        let fixture = try TokenFixture()
        #expect(await !accepts(fixture.verifier(), try fixture.token(claims: claims)))
    }

    @Test("T06: a token has one spelling", arguments: SignatureAlgorithm.allCases)
    func malleability(algorithm: SignatureAlgorithm) async throws {
        let fixture = try TokenFixture(algorithm)
        let verifier = fixture.verifier()
        let good = try fixture.token()
        let parts = good.split(separator: ".").map(String.init)
        let signature = try #require(Base64URL.decode(parts[2]))
        func with(_ bytes: [UInt8]) -> String { "\(parts[0]).\(parts[1]).\(Base64URL.encode(bytes))" }
        let half = signature.count / 2
        let zeros = [UInt8](repeating: 0, count: half)
        var mutants: [String] = [good + "=", good + " ", " " + good, good + "\n", good + ".", "." + good, good + ".x"]
        mutants += ["\(parts[0])=.\(parts[1]).\(parts[2])", "\(parts[0]).\(parts[1])==.\(parts[2])"]
        mutants += ["\(parts[0])..\(parts[2])", "\(parts[0]).\(parts[1])", parts[0], good.uppercased()]
        mutants += [[], Array(signature.dropLast()), signature + [0], [0] + signature].map(with)
        mutants += [zeros + zeros, [UInt8](repeating: 0xFF, count: signature.count)].map(with)
        mutants += [Array(signature.prefix(half)) + zeros, zeros + Array(signature.suffix(half))].map(with)
        mutants += [with([0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01]), good.replacing(".", with: "%2E")]
        // Non-zero trailing bits: another last letter that decodes to the same bytes.
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        let lastLetter = try #require(good.last)
        let last = try #require(alphabet.firstIndex(of: lastLetter))
        if signature.count % 3 != 0 { mutants.append(good.dropLast() + String(alphabet[last ^ 1])) }
        for letter in ["+", "/"] { mutants.append(good.dropLast() + letter) }
        for mutant in mutants { #expect(await !accepts(verifier, mutant), "\(mutant)") }
        #expect(await accepts(verifier, good))
    }

    @Test("T07: duplicate members and odd Unicode are refused in header and payload")
    func duplicates() async throws {
        let fixture = try TokenFixture()
        let verifier = fixture.verifier()
        let header = #"{"alg":"ES256","typ":"at+jwt","kid":"\#(fixture.keyID)"}"#
        let body = try fixture.token().split(separator: ".")[1]
        let good = String(decoding: try #require(Base64URL.decode(String(body))), as: UTF8.self)
        let open = String(good.dropLast())
        var payloads: [String] = [good.replacing("{\"iss\"", with: #"{"aud":"https://evil.test/","iss""#)]
        payloads += [#","aud":"https://evil.test/"}"#, #","\u0061ud":"x"}"#, #","x":{"a":1,"a":2}}"#, ",}"].map {
            open + $0
        }
        payloads += [open + #","x":"\ud800"}"#, "\u{FEFF}" + good, good + good, "[" + good + "]"]
        for payload in payloads {
            let token = try fixture.token(rawClaims: payload)
            #expect(await !accepts(verifier, token), "\(payload)")
        }
        let utf16 = try fixture.sign(Array(header.utf8), good.utf16.flatMap { [UInt8(truncatingIfNeeded: $0), 0] })
        #expect(await !accepts(verifier, utf16))
        let twice = try fixture.token(rawHeader: header.dropLast() + #","alg":"none"}"#)
        #expect(await !accepts(verifier, twice))
    }

    @Test("T08: a remembered token is refused once it is revoked, its key is removed or it has expired")
    func stale() async throws {
        let fixture = try TokenFixture()
        let verifier = fixture.verifier()
        let token = try fixture.token()
        #expect(await accepts(verifier, token))
        fixture.set(.revoked, of: GrantID("g1"))
        #expect(await !accepts(verifier, token))
        fixture.set(.active, of: GrantID("g1"))
        #expect(await accepts(verifier, token))
        fixture.now = fixture.now + .seconds(901)
        #expect(await !accepts(verifier, token))
        fixture.now = fixture.now - .seconds(901)
        fixture.removeKeys()
        #expect(await !accepts(verifier, token))
    }

    @Test("R04: what is not known is refused as unavailable, not let through")
    func failClosed() async throws {
        let fixture = try TokenFixture()
        fixture.set(.unknown, of: GrantID("g1"))
        let token = try fixture.token()
        let error = await #expect(throws: AccessTokenRejection.self) {
            try await fixture.verifier().verify(token, for: TokenFixture.resource, issuer: TokenFixture.issuer)
        }
        #expect(error?.kind == .unavailable)
    }

    @Test("T09: tokens that share their beginning are told apart, and memory is bounded")
    func cacheConfusion() async throws {
        let fixture = try TokenFixture()
        let verifier = fixture.verifier(capacity: 100)
        for round in 0..<2 {
            for number in 0..<400 {
                let user = "user\(number)"
                let token = try fixture.token(claims: ["sub": "\"\(user)\"", "jti": "\"\(round)\""])
                let principal = try await verifier.verify(
                    token, for: TokenFixture.resource, issuer: TokenFixture.issuer)
                #expect(principal.user == UserID(user))
            }
        }
    }

    @Test("R02: tokens of other resources and other issuers are refused")
    func otherResource() async throws {
        let fixture = try TokenFixture()
        let verifier = fixture.verifier()
        let token = try fixture.token()
        #expect(await accepts(verifier, token))
        #expect(await !accepts(verifier, token, resource: "https://gw.test/b/mcp"))
        #expect(await !accepts(verifier, token, issuer: "https://other.test"))
        let stranger = try TokenFixture().token()
        #expect(await !accepts(verifier, stranger))
        let several = try fixture.token(claims: ["aud": #"["https://gw.test/a/mcp","https://gw.test/b/mcp"]"#])
        #expect(await accepts(verifier, several))
        #expect(await accepts(verifier, several, resource: "https://gw.test/b/mcp"))
    }
}
