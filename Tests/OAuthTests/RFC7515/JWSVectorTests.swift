import Crypto
import Foundation
import JSON
import OAuth
import Testing

/// Project Wycheproof's JWS vectors. Their tokens have no `typ` and are therefore none of ours: every one of them is
/// refused, also those under algorithms that this project does not have. What is left to agree on is the signature.
@Suite
struct JWSVectorTests {
    @Test("T01, T02, T06: no token of the JWS vectors is accepted as ours")
    func nothingIsAccepted() throws {
        var count = 0
        for group in try JWSVectors.load("json_web_signature_test.json").testGroups {
            let keys = OneKey(key: try group.key)
            for test in group.tests {
                count += 1
                #expect(throws: JWSRejection.self, "\(test.tcId): \(test.comment)") {
                    try CompactJWS.verify(Array(test.jws.utf8), type: "at+jwt", keys: keys)
                }
            }
        }
        #expect(count > 300)
    }

    @Test("T06: signatures of the JWS vectors verify where the vectors say so")
    func signatures() throws {
        var valid = 0
        for group in try JWSVectors.load("json_web_signature_test.json").testGroups {
            guard let algorithm = group.public?.alg, let key = try group.key, key.algorithm.rawValue == algorithm
            else { continue }
            for test in group.tests {
                let accepted = JWSVectors.signatureVerifies(test.jws, key)
                if test.result == "valid" { valid += 1 }
                #expect(accepted == (test.result == "valid"), "\(test.tcId): \(test.comment)")
            }
        }
        #expect(valid > 5)
    }
}

private struct OneKey: VerificationKeySource {
    let key: PublicKey?
    func verificationKey(id: [UInt8]) -> PublicKey? { key }
}

private enum JWSVectors {
    static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Vectors/Wycheproof")

    struct File: Decodable { var testGroups: [Group] }

    struct Group: Decodable {
        struct Key: Decodable {
            var kty: String
            var alg: String?
            var crv: String?
            var n: String?
            var e: String?
            var x: String?
            var y: String?
        }
        struct Case: Decodable {
            var tcId: Int
            var comment: String
            var jws: String
            var result: String
        }
        var `public`: Key?
        var tests: [Case]

        /// The group's key where it is of a kind that this project uses.
        var key: PublicKey? {
            get throws {
                func bytes(_ text: String?) -> [UInt8] { Base64URL.decode(text ?? "") ?? [] }
                switch (`public`?.kty, `public`?.crv) {
                case ("RSA", _): return try PublicKey(.rsa(modulus: bytes(`public`?.n), exponent: bytes(`public`?.e)))
                case ("EC", "P-256"): return try PublicKey(.p256(x: bytes(`public`?.x), y: bytes(`public`?.y)))
                default: return nil
                }
            }
        }
    }

    static func load(_ name: String) throws -> File {
        try JSONDecoder().decode(File.self, from: Data(contentsOf: folder.appendingPathComponent(name)))
    }

    /// The checks of RFC 7515 §5.2 that do not depend on what this project's tokens must carry.
    static func signatureVerifies(_ token: String, _ key: PublicKey) -> Bool {
        let parts = token.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).map { Array($0) }
        guard parts.count == 3, let header = Base64URL.decode(parts[0]), Base64URL.decode(parts[1]) != nil,
            let signature = Base64URL.decode(parts[2]), let document = try? JSONDocument(parsing: header),
            document.root["alg"]?.string == key.algorithm.rawValue
        else { return false }
        return key.verify(signature, over: parts[0] + [UInt8(ascii: ".")] + parts[1])
    }
}
