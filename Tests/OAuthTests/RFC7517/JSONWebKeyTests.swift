import Crypto
import JSON
import OAuth
import Testing

@Suite struct JSONWebKeyTests {
    static let ed25519 = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    static let rsa =
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3"
        + "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA"
        + "ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-"
        + "kEgU8awapJzKnqDKgw"

    @Test("RFC 7638 §3.1: the example's thumbprint") func thumbprintOfRSA() throws {
        let key = try PublicKey(
            .rsa(modulus: try #require(Base64URL.decode(Self.rsa)), exponent: try #require(Base64URL.decode("AQAB"))))
        #expect(JSONWebKey(key).thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
    }

    @Test("RFC 8037 appendix A: the example's thumbprint and signature") func ed25519Example() throws {
        let key = try PublicKey(.ed25519(x: try #require(Base64URL.decode(Self.ed25519))))
        #expect(JSONWebKey(key).id == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
        let signature =
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        let signed = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
        #expect(key.verify(try #require(Base64URL.decode(signature)), over: Array(signed.utf8)))
    }

    @Test("RFC 8037 appendix A.4: the example is signed as the example says") func ed25519Signature() throws {
        let secret = try #require(Base64URL.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"))
        // RFC 8410 §7: the PKCS #8 form of an Ed25519 key.
        let prefix: [UInt8] = [
            0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
        ]
        let key = try PrivateKey(der: prefix + secret)
        #expect(key.algorithm == .edDSA)
        #expect(try key.publicKey().parameters == .ed25519(x: try #require(Base64URL.decode(Self.ed25519))))
        let signature = try key.sign(Array("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc".utf8))
        #expect(
            Base64URL.encode(signature)
                == "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg")
    }

    @Test("RFC 7517 §4: the set holds public members only", arguments: SignatureAlgorithm.allCases)
    func keySet(algorithm: SignatureAlgorithm) throws {
        let key = JSONWebKey(try PrivateKey.generate(algorithm).publicKey())
        let document = try JSONDocument(parsing: JSONWebKeySet(keys: [key]).json())
        let member = try #require(document.root["keys"]?.elements.first { _ in true })
        #expect(member["alg"]?.string == algorithm.rawValue && member["use"]?.string == "sig")
        #expect(member["kid"]?.string == key.id && key.id == key.thumbprint && key.id.utf8.count == 43)
        for secret in ["d", "p", "q", "dp", "dq", "qi", "k"] { #expect(member[secret] == nil) }
    }
}
