import Crypto
import Testing

@Suite struct CryptoTests {
    @Test(arguments: SignatureAlgorithm.allCases) func signaturesVerifyAndNothingElseDoes(
        algorithm: SignatureAlgorithm
    ) throws {
        let key = try PrivateKey.generate(algorithm)
        let again = try PrivateKey(der: key.der())
        let message = Array("message".utf8)
        var signature = try again.sign(message)
        let verifier = try key.publicKey()
        #expect(verifier.algorithm == algorithm)
        #expect(verifier.verify(signature, over: message))
        #expect(!verifier.verify(signature, over: message + [0]))
        #expect(!verifier.verify(signature + [0], over: message))
        #expect(!verifier.verify([], over: message))
        signature[signature.count / 2] ^= 1
        #expect(!verifier.verify(signature, over: message))
    }

    @Test func keysServeAllThreads() async throws {
        let key = try PrivateKey.generate(.es256)
        let verifier = try key.publicKey()
        let good = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<200 {
                group.addTask {
                    let message = Array("\(number)".utf8)
                    guard let signature = try? key.sign(message) else { return false }
                    return verifier.verify(signature, over: message)
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(good == 200)
    }

    @Test func weakOrMalformedKeysAreRefused() {
        #expect(throws: CryptoError.self) {
            try PublicKey(.rsa(modulus: [1] + Random.bytes(127), exponent: [1, 0, 1]))
        }
        #expect(throws: CryptoError.self) { try PublicKey(.rsa(modulus: [1] + Random.bytes(255), exponent: [2])) }
        #expect(throws: CryptoError.self) { try PublicKey(.p256(x: Random.bytes(32), y: Random.bytes(32))) }
        #expect(throws: CryptoError.self) { try PublicKey(.ed25519(x: Random.bytes(31))) }
        #expect(throws: CryptoError.self) { try PrivateKey(der: Random.bytes(100)) }
    }

    @Test func passwordHashesMatchTheirPasswordOnly() throws {
        let hash = try PasswordHash.hash(Array("correct horse".utf8))
        #expect(hash.hasPrefix("$scrypt$ln=15,r=8,p=3$"))
        #expect(PasswordHash.verify(Array("correct horse".utf8), hash))
        #expect(!PasswordHash.verify(Array("correct horsf".utf8), hash))
        #expect(try PasswordHash.hash(Array("correct horse".utf8)) != hash)
        for broken in [
            "", "$scrypt$", "$scrypt$ln=60,r=8,p=3$c2FsdHNhbHQ$AAAA", hash.replacing("ln=15", with: "ln=+5"),
        ] {
            #expect(!PasswordHash.verify(Array("correct horse".utf8), broken))
        }
    }

    @Test func sealedRecordsOpenForTheirKeyAndContextOnly() throws {
        let key = try #require(SealingKey(Random.bytes(32)))
        let plaintext = Array("record".utf8)
        let sealed = try key.seal(plaintext, authenticating: [1])
        #expect(key.open(sealed, authenticating: [1]) == plaintext)
        #expect(key.open(sealed, authenticating: [2]) == nil)
        #expect(key.derived(for: "other").open(sealed, authenticating: [1]) == nil)
        for position in sealed.indices {
            var changed = sealed
            changed[position] ^= 1
            #expect(key.open(changed, authenticating: [1]) == nil)
        }
        for length in sealed.indices { #expect(key.open(Array(sealed[..<length]), authenticating: [1]) == nil) }
    }

    @Test(
        "T06: one byte string has one spelling",
        arguments: ["YQ==", "YR", "YWJj=", " YWJj", "YW+j", "YW/j", "Y", "YWJj\n"])
    func base64URLRefuses(text: String) {
        #expect(Base64URL.decode(text) == nil)
    }

    @Test func base64RoundTrips() {
        for length in 0..<70 {
            let bytes = Random.bytes(length)
            #expect(Base64URL.decode(Base64URL.encode(bytes)) == bytes)
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
        }
        #expect(Base64.decode("YWJj=") == nil && Base64.decode("YR==") == nil && Base64.decode("YQ=") == nil)
        #expect(Base64URL.encode(Array("a".utf8)) == "YQ" && Base64.encode(Array("a".utf8)) == "YQ==")
    }

    @Test func knownDigests() {
        let digest = SHA256.digest(Array("abc".utf8))
        #expect(digest.bytes.prefix(8) == [0xBA, 0x78, 0x16, 0xBF, 0x8F, 0x01, 0xCF, 0xEA])
        #expect(Digest(digest.bytes) == digest)
        #expect(Digest([1, 2]) == nil)
        #expect(SHA256.digest([]) != digest)
    }

    @Test("S02: a secret shows nothing of itself") func secretsDoNotPrint() {
        enum Purpose {}
        let secret = Secret<Purpose>(Array("canary".utf8))
        var dumped = ""
        dump(secret, to: &dumped)
        #expect(!"\(secret)\(String(reflecting: secret))\(dumped)".contains("99"))
        #expect(secret.matches(Array("canary".utf8)) && !secret.matches(Array("canarz".utf8)))
    }

    @Test func tokensAreLongAndDiffer() {
        let tokens = Set((0..<1000).map { _ in Random.token("sp_") })
        #expect(tokens.count == 1000)
        #expect(tokens.allSatisfy { $0.utf8.count == 46 && $0.hasPrefix("sp_") })
    }
}
