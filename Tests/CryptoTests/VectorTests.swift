import Crypto
import Testing

@testable import Crypto

@Suite
struct VectorTests {
    static func check(_ name: String, key: (Wycheproof.Group) throws -> PublicKey) throws {
        for group in try Wycheproof.load(name).testGroups {
            let key = try key(group)
            for test in group.tests where test.result != "acceptable" {
                let accepted = key.verify(Wycheproof.bytes(test.sig ?? ""), over: Wycheproof.bytes(test.msg))
                #expect(accepted == (test.result == "valid"), "\(name) \(test.tcId): \(test.comment)")
            }
        }
    }

    @Test("T06: ES256 signatures have one form") func es256() throws {
        try Self.check("ecdsa_secp256r1_sha256_p1363_test.json") { group in
            let point = Wycheproof.bytes(try #require(group.publicKey?.uncompressed))
            return try PublicKey(.p256(x: Array(point[1..<33]), y: Array(point[33...])))
        }
    }

    @Test func rs256() throws {
        try Self.check("rsa_signature_2048_sha256_test.json") { group in
            let modulus = Wycheproof.bytes(try #require(group.publicKey?.modulus))
            let exponent = Wycheproof.bytes(try #require(group.publicKey?.publicExponent))
            return try PublicKey(
                .rsa(modulus: Array(modulus.drop { $0 == 0 }), exponent: Array(exponent.drop { $0 == 0 })))
        }
    }

    @Test func ed25519() throws {
        try Self.check("ed25519_test.json") { group in
            try PublicKey(.ed25519(x: Wycheproof.bytes(try #require(group.publicKey?.pk))))
        }
    }

    @Test func hmac() throws {
        for group in try Wycheproof.load("hmac_sha256_test.json").testGroups where group.tagSize == 256 {
            for test in group.tests {
                let code = HMACSHA256.authenticate(
                    Wycheproof.bytes(test.msg), key: Wycheproof.bytes(test.key ?? ""))
                #expect((code == Wycheproof.bytes(test.tag ?? "")) == (test.result == "valid"), "\(test.tcId)")
            }
        }
    }

    @Test func aesGCM() throws {
        for group in try Wycheproof.load("aes_gcm_test.json").testGroups
        where group.keySize == 256 && group.ivSize == 96 && group.tagSize == 128 {
            for test in group.tests {
                let plaintext = AESGCM.open(
                    Wycheproof.bytes(test.ct ?? ""), tag: Wycheproof.bytes(test.tag ?? ""),
                    key: Wycheproof.bytes(test.key ?? ""), nonce: Wycheproof.bytes(test.iv ?? ""),
                    context: Wycheproof.bytes(test.aad ?? ""))
                #expect((plaintext == Wycheproof.bytes(test.msg)) == (test.result == "valid"), "\(test.tcId)")
            }
        }
    }
}
