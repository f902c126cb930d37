import Crypto
import JSON
import OAuth
import Telemetry
import Testing

/// Assertions by which clients prove themselves: the client-assertion modules of FAPI 2.0, by meaning.
@Suite("RFC 7523: client assertions") struct ClientAssertionTests {
    static let issuer = "https://gw.test"
    static let now = Timestamp(secondsSinceEpoch: 1_800_000_000)

    /// Signs claims as a client would.
    struct Signer {
        let key: PrivateKey
        let set: JSONWebKeySet

        init(_ algorithm: SignatureAlgorithm = .es256) throws {
            key = try PrivateKey.generate(algorithm)
            set = JSONWebKeySet(keys: [JSONWebKey(try key.publicKey())])
        }

        var keyID: String { self.set.keys[0].id }

        func sign(_ claims: String, header: String? = nil) throws -> String {
            let header = header ?? "{\"alg\":\"\(key.algorithm.rawValue)\",\"typ\":\"JWT\",\"kid\":\"\(keyID)\"}"
            let signed = Base64URL.encode(Array(header.utf8)) + "." + Base64URL.encode(Array(claims.utf8))
            return signed + "." + Base64URL.encode(try key.sign(Array(signed.utf8)))
        }
    }

    static func claims(_ changes: [String: String?] = [:]) -> String {
        var members: [String: String?] = [
            "iss": "\"c\"", "sub": "\"c\"", "aud": "\"\(issuer)\"", "exp": "1800000060", "iat": "1800000000",
            "jti": "\"1\"",
        ]
        for (name, value) in changes { members[name] = value }
        let present = members.compactMap { name, value in value.map { "\"\(name)\":\($0)" } }
        return "{" + present.sorted().joined(separator: ",") + "}"
    }

    private func verify(_ text: String, _ signer: Signer) throws -> ClientAssertion.Proof {
        let assertion = try ClientAssertion(text)
        return try assertion.verify(
            by: signer.set.candidates(keyID: assertion.keyID), audience: Self.issuer, algorithm: nil, at: Self.now)
    }

    @Test("T10: EnsureClientAssertionWithIssAudSucceeds, by every key type", arguments: SignatureAlgorithm.allCases)
    func accepted(algorithm: SignatureAlgorithm) throws {
        let signer = try Signer(algorithm)
        let proof = try verify(signer.sign(Self.claims()), signer)
        #expect(proof.id == "1")
        #expect(proof.rememberUntil == Timestamp(secondsSinceEpoch: 1_800_000_120))
        let kinds = ["\"client-authentication+jwt\"", "\"application/client-authentication+jwt\"", "\"jwt\""]
        for kind in kinds {
            let header = "{\"alg\":\"\(algorithm.rawValue)\",\"typ\":\(kind)}"
            #expect(try verify(signer.sign(Self.claims(), header: header), signer).id == "1", "without kid")
        }
        #expect(try verify(signer.sign(Self.claims(["aud": "[\"\(Self.issuer)\"]"])), signer).id == "1")
        #expect(try verify(signer.sign(Self.claims(["exp": "1800000060.75", "iat": nil])), signer).id == "1")
    }

    @Test("T10: PAREnsureJWTClientAssertionWithIatNbf8SecondsInTheFutureIsAccepted")
    func slightlyAhead() throws {
        let signer = try Signer()
        let text = try signer.sign(Self.claims(["iat": "1800000008", "nbf": "1800000008"]))
        #expect(try verify(text, signer).id == "1")
    }

    @Test(
        "T10: five minutes are enough: from iat by the clock of the client, else from now",
        arguments: [
            ["exp": "1800000300"], ["exp": "1800000300", "iat": nil], ["exp": "1800000360", "iat": "1800000060"],
            ["exp": "1800000001", "iat": "1799999701"],
        ] as [[String: String?]])
    func longest(changes: [String: String?]) throws {
        let signer = try Signer()
        let exp = try #require(changes["exp"].flatMap { $0 }.flatMap { Int64($0) })
        let proof = try verify(signer.sign(Self.claims(changes)), signer)
        #expect(proof.rememberUntil == Timestamp(secondsSinceEpoch: exp + 60), "remembered for as long as it is good")
    }

    static let refused: [(String, [String: String?], ClientAssertionRejection)] = [
        ("EnsureClientAssertionWithExpIs5MinutesInPastFails", ["exp": "1799999700"], .expired),
        ("expires now", ["exp": "1800000000"], .expired),
        ("without exp", ["exp": nil], .expired), ("exp as text", ["exp": "\"1800000060\""], .expired),
        ("exp without end", ["exp": "1e300"], .expired), ("negative exp", ["exp": "-1"], .expired),
        ("valid for longer than five minutes", ["exp": "1800000301"], .lifetime),
        ("the same without iat", ["exp": "1800000301", "iat": nil], .lifetime),
        ("the same by a fast clock", ["iat": "1800000060", "exp": "1800000361"], .lifetime),
        ("the same by a slow clock", ["iat": "1799999940", "exp": "1800000241"], .lifetime),
        ("nearly over, and from long ago", ["iat": "1799996400", "exp": "1800000001"], .lifetime),
        ("iat as text", ["iat": "\"1800000000\""], .notYetValid),
        ("EnsureClientAssertionWithWrongAudFails", ["aud": "\"https://other.test\""], .audience),
        ("PARTokenEndpointAsAudienceFails", ["aud": "\"https://gw.test/token\""], .audience),
        ("PAREndpointAsAudienceFails", ["aud": "\"https://gw.test/par\""], .audience),
        ("PAREndpointAsArrayAudienceFails", ["aud": "[\"https://gw.test/par\"]"], .audience),
        ("a second audience", ["aud": "[\"https://gw.test\",\"https://other.test\"]"], .audience),
        ("issuer with a slash", ["aud": "\"https://gw.test/\""], .audience),
        ("no audience", ["aud": nil], .audience), ("an empty list", ["aud": "[]"], .audience),
        ("another iss", ["iss": "\"d\""], .issuer), ("without iss", ["iss": nil], .issuer),
        (
            "PAREnsureJWTClientAssertionWithIatNbfOver60SecondsInTheFutureFails",
            ["iat": "1800000061", "exp": "1800000100"], .notYetValid
        ),
        ("nbf ahead", ["nbf": "1800000061"], .notYetValid), ("nbf as text", ["nbf": "\"1\""], .notYetValid),
        ("without jti", ["jti": nil], .identifier), ("empty jti", ["jti": "\"\""], .identifier),
        ("jti as number", ["jti": "7"], .identifier),
    ]

    @Test("T10: client assertions that prove nothing", arguments: refused.indices)
    func refusals(index: Int) throws {
        let signer = try Signer()
        let (name, changes, rejection) = Self.refused[index]
        #expect(throws: rejection, "\(name)") { try verify(signer.sign(Self.claims(changes)), signer) }
    }

    @Test("T10: EnsureClientAssertionWithNoSubFails") func noSubject() throws {
        let signer = try Signer()
        for subject in [nil, "\"\"", "5"] {
            #expect(throws: ClientAssertionRejection.subject) {
                try verify(signer.sign(Self.claims(["sub": subject])), signer)
            }
        }
    }

    @Test("T10: another type of token is no client assertion", arguments: ["at+jwt", "dpop+jwt", "oauth-id-jag+jwt"])
    func otherTypes(type: String) throws {
        let signer = try Signer()
        let header = "{\"alg\":\"ES256\",\"typ\":\"\(type)\",\"kid\":\"\(signer.keyID)\"}"
        #expect(throws: ClientAssertionRejection.type) {
            try verify(signer.sign(Self.claims(), header: header), signer)
        }
    }

    @Test("T10: a signature by another key, by none, or with another algorithm")
    func signatures() throws {
        let (signer, other) = (try Signer(), try Signer())
        let foreign = try other.sign(
            Self.claims(), header: "{\"alg\":\"ES256\",\"kid\":\"\(signer.keyID)\"}")
        #expect(throws: ClientAssertionRejection.signature(.badSignature)) { try verify(foreign, signer) }
        #expect(throws: ClientAssertionRejection.signature(.unknownKey)) {
            try verify(other.sign(Self.claims()), signer)
        }
        for algorithm in ["none", "HS256", "RS256", "PS256"] {
            let text = try signer.sign(Self.claims(), header: "{\"alg\":\"\(algorithm)\",\"kid\":\"\(signer.keyID)\"}")
            #expect(throws: ClientAssertionRejection.signature(.wrongAlgorithm)) { try verify(text, signer) }
        }
        let assertion = try ClientAssertion(signer.sign(Self.claims()))
        #expect(throws: ClientAssertionRejection.algorithm) {
            try assertion.verify(by: signer.set.keys, audience: Self.issuer, algorithm: .rs256, at: Self.now)
        }
        for header in [
            "{\"alg\":\"ES256\",\"crit\":[\"x\"]}", "{\"alg\":\"ES256\",\"b64\":false}",
            "{\"alg\":\"ES256\",\"zip\":\"DEF\"}",
        ] {
            #expect(throws: ClientAssertionRejection.signature(.criticalExtension)) {
                try verify(signer.sign(Self.claims(), header: header), signer)
            }
        }
        for text in ["", "a.b", "a.b.c.d", "..", "\u{e9}.x.y"] {
            #expect(throws: ClientAssertionRejection.self) { try ClientAssertion(text) }
        }
    }
}
