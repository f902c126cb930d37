import Testing

@testable import Crypto

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

    @Test("T06: our own ES256 signatures have one of the two forms") func canonicalSignatures() throws {
        let key = try PrivateKey.generate(.es256)
        let verifier = try key.publicKey()
        for number in 0..<200 {
            let message = Array("\(number)".utf8)
            let signature = try key.sign(message)
            let other = ES256Signature.other(signature)
            #expect(verifier.isCanonical(signature) && !verifier.isCanonical(other))
            #expect(verifier.verify(signature, over: message) && verifier.verify(other, over: message))
            #expect(ES256Signature.canonical(other) == signature && ES256Signature.other(other) == signature)
        }
        #expect(!verifier.isCanonical([]) && !verifier.isCanonical([UInt8](repeating: 0, count: 65)))
        let edwards = try PrivateKey.generate(.edDSA).publicKey()
        #expect(edwards.isCanonical([]))
    }

    @Test(
        "a key of another kind or strength is refused",
        arguments: [
            // P-384, secp256k1, X25519, Ed448.
            "MIGkAgEBBDCxUm2uDy98pqN+CbHgl9FIqgQa+qcAtoBX0k1MpL4LRjTnYEBvPWL21Uo3hDn4cWagBwYFK4EEACKhZANiAAQoqnw9HfAOcPfa"
                + "YQ20JFxEv4KkCfE1b2WPhe/l3rt3ysyiOLhdQU9iTalWkEnmi8FsX3oD/riI+dETXi81mMdkv1GllSRmqginQLHgw7AvDz9Ktpxru3u3"
                + "LBI8M3hYF7k=",
            "MHQCAQEEIAZL5pl+erA0FBPDjSj9jFAPJbC2R/2yfsQQx3+D1D6goAcGBSuBBAAKoUQDQgAEestcuxZVPkQ+6n8qtbJj5Q9Zfc8e8wCXhpSe"
                + "gUPZTk8sf7vMjK1sv9mawy3026YJOfyv9q2DrqI9mheJDOux4A==",
            "MC4CAQAwBQYDK2VuBCIEIJCmeb7MpgvjjVcn1stNgNl6EnWrhu24QrnBUNI9vYp2",
            "MEcCAQAwBQYDK2VxBDsEOYl3Sz/Entx30z0BzIc8RgvtQtoLXO7NikRdtSPAt2h745//gh2PFwn9EVoSsU01c0tTWdvZlAZQ6A==",
        ])
    func foreignKeys(text: String) throws {
        let der = try #require(Base64.decode(text))
        #expect(throws: CryptoError.self) { try PrivateKey(der: der) }
    }

    @Test func bytesAfterAKeyAreRefused() throws {
        let der = try PrivateKey.generate(.es256).der()
        _ = try PrivateKey(der: der)
        #expect(throws: CryptoError.self) { try PrivateKey(der: der + [0]) }
        #expect(throws: CryptoError.self) { try PrivateKey(der: der.dropLast()) }
        #expect(throws: CryptoError.self) { try PrivateKey(der: []) }
    }

    @Test func comparisonIsByBytes() {
        #expect(ConstantTime.equals([], []) && ConstantTime.equals([1, 2], [1, 2]))
        #expect(
            !ConstantTime.equals([1, 2], [1, 3]) && !ConstantTime.equals([1], [1, 2]) && !ConstantTime.equals([1], []))
    }

    @Test func digestsAgreeOnAllThreads() async {
        let expected = SHA256.digest(Array("abc".utf8))
        let count = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<500 { group.addTask { SHA256.digest(Array("abc".utf8)) == expected } }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(count == 500)
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

    @Test("S02: a secret is zeroed in place when it is released") func secretsAreZeroedOnRelease() {
        let original = Array("canary-canary-canary".utf8)
        let storage = SecretStorage(original)
        let before = unsafe storage.bytes.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
        storage.wipe()
        let after = unsafe storage.bytes.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
        let wiped = unsafe storage.bytes
        #expect(wiped == [UInt8](repeating: 0, count: original.count))
        #expect(before == after, "a copy was zeroed, not the secret")
        #expect(original == Array("canary-canary-canary".utf8))
    }

    @Test func tokensAreLongAndDiffer() {
        let tokens = Set((0..<1000).map { _ in Random.token("sp_") })
        #expect(tokens.count == 1000)
        #expect(tokens.allSatisfy { $0.utf8.count == 46 && $0.hasPrefix("sp_") })
    }
}
