import Crypto
import HTTP
import JSON
import Telemetry
import TestSupport
import Testing

@testable import OAuth

/// RFC 9449 §4.3, one check at a time.
@Suite struct DPoPProofTests {
    static let address = "https://gw.test/token"
    static let now = Timestamp(millisecondsSinceEpoch: 1_800_000_000_000)

    static func verify(
        _ text: String, method: HTTPMethod = .post, address: String = address, accessToken: String? = nil
    ) -> DPoPRejection? {
        do {
            _ = try DPoPProof.verify(text, method: method, address: address, accessToken: accessToken, at: now)
            return nil
        } catch {
            return error
        }
    }

    @Test("T10: a good proof gives the thumbprint of its key", arguments: SignatureAlgorithm.allCases)
    func good(algorithm: SignatureAlgorithm) throws {
        let prover = try KeyProver(algorithm)
        let text = try prover.proof("POST", Self.address, id: "one", at: Self.now)
        let proof = try DPoPProof.verify(
            text, method: .post, address: Self.address, accessToken: nil, at: Self.now)
        #expect(proof.thumbprint == prover.thumbprint)
        #expect(proof.id == "one")
        #expect(proof.rememberUntil == Self.now + .seconds(60))
    }

    @Test("T10: htu is compared without query and fragment, and without the case of scheme and host")
    func address() throws {
        let prover = try KeyProver()
        for good in [
            "https://gw.test/token?x=1", "https://gw.test/token#f", "HTTPS://GW.test/token",
            "https://gw.test:443/token",
        ] {
            #expect(try Self.verify(prover.proof("POST", good, at: Self.now)) == nil, "\(good)")
        }
        for bad in [
            "https://gw.test/token/", "https://gw.test/Token", "https://gw.test", "https://evil.test/token",
            "http://gw.test/token", "https://gw.test:8443/token", "https://gw.test@evil.test/token",
            "https://u@gw.test/token", "/token", "", "https://gw.test/to%6ben",
        ] {
            #expect(try Self.verify(prover.proof("POST", bad, at: Self.now)) == .address, "\(bad)")
        }
    }

    @Test("T10: each claim that is missing, wrong or of the wrong kind is refused")
    func claims() throws {
        let prover = try KeyProver()
        let seconds = Self.now.seconds
        let cases: [([String: JSONValue?], DPoPRejection)] = [
            (["htm": nil as JSONValue?], .method), (["htm": "GET"], .method), (["htm": "post"], .method),
            (["htm": 1], .method), (["htu": nil as JSONValue?], .address), (["htu": 1], .address),
            (["jti": nil as JSONValue?], .identifier), (["jti": ""], .identifier), (["jti": 7], .identifier),
            (["jti": .string(String(repeating: "x", count: 257))], .identifier),
            (["iat": nil as JSONValue?], .age), (["iat": "now"], .age), (["iat": .integer(seconds - 60)], .age),
            (["iat": .integer(seconds + 61)], .age), (["iat": -1], .age),
            (["iat": .integer(Int64.max)], .age), (["exp": .integer(seconds - 60)], .expired),
            (["exp": "x"], .expired), (["nbf": .integer(seconds + 61)], .age), (["nbf": "x"], .age),
        ]
        for (change, rejection) in cases {
            let text = try prover.proof("POST", Self.address, at: Self.now, claims: change)
            #expect(Self.verify(text) == rejection, "\(change)")
        }
        // A NumericDate may have a fraction (RFC 7519 §2).
        for time in ["\(seconds - 59)", "\(seconds + 60)", "\(seconds).75"] {
            let text = try prover.proof("POST", Self.address, at: Self.now, claims: ["iat": .number(text: time)])
            #expect(Self.verify(text) == nil)
        }
    }

    @Test("T10: typ, alg and jwk of the header, and a private key in it")
    func header() throws {
        let prover = try KeyProver()
        let other = try KeyProver()
        let secret = JSONValue.object(prover.publicMembers + [.init("d", "AAAA")])
        let symmetric: JSONValue = ["kty": "oct", "k": "AAAA"]
        let cases: [([String: JSONValue?], DPoPRejection)] = [
            (["typ": nil as JSONValue?], .type), (["typ": "JWT"], .type), (["typ": "at+jwt"], .type),
            (["alg": "none"], .signature(.wrongAlgorithm)), (["alg": "HS256"], .signature(.wrongAlgorithm)),
            (["alg": "RS256"], .signature(.wrongAlgorithm)), (["alg": nil as JSONValue?], .signature(.wrongAlgorithm)),
            (["jwk": nil as JSONValue?], .key), (["jwk": secret], .key), (["jwk": symmetric], .key),
            (["jwk": "x"], .key), (["jwk": .object(other.publicMembers)], .signature(.badSignature)),
            (["crit": ["x"]], .signature(.criticalExtension)),
        ]
        for (change, rejection) in cases {
            let text = try prover.proof("POST", Self.address, at: Self.now, header: change)
            #expect(Self.verify(text) == rejection, "\(change)")
        }
        let good = try prover.proof("POST", Self.address, at: Self.now)
        #expect(Self.verify(String(good.dropLast(4)) + "AAAA") == .signature(.badSignature))
        #expect(Self.verify("") == .signature(.notThreeParts))
        #expect(Self.verify(good + "." + good) == .signature(.notThreeParts))
    }

    @Test("T10: at a protected resource the proof is for this access token")
    func accessToken() throws {
        let prover = try KeyProver()
        func text(_ token: String?) throws -> String {
            try prover.proof("POST", Self.address, accessToken: token, at: Self.now)
        }
        #expect(try Self.verify(text("token"), accessToken: "token") == nil)
        #expect(try Self.verify(text(nil), accessToken: "token") == .accessToken)
        #expect(try Self.verify(text("other"), accessToken: "token") == .accessToken)
    }

    @Test("T10: two proofs in one request are none; the scheme has no case")
    func fields() throws {
        var fields = HTTPFields()
        #expect(try DPoPProof.find(in: fields) == nil)
        fields.append("DPoP", "a")
        #expect(try DPoPProof.find(in: fields) == "a")
        fields.append("dpop", "b")
        #expect(throws: DPoPRejection.repeated) { try DPoPProof.find(in: fields) }
        func credentials(_ value: String) -> DPoPCredentials {
            var fields = HTTPFields()
            fields.append("Authorization", value)
            return DPoPCredentials(fields)
        }
        #expect(credentials("DPoP abc") == .token("abc"))
        #expect(credentials("dpop  abc") == .token("abc"))
        #expect(credentials("DPoP a b") == .token(""))
        #expect(credentials("DPoP") == .token(""))
        #expect(credentials("Bearer abc") == .none)
        #expect(credentials("DPoPx abc") == .none)
        #expect(DPoPCredentials(HTTPFields()) == .none)
    }
}
