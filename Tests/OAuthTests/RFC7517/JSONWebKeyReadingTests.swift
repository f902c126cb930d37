import Crypto
import Foundation
import JSON
import OAuth
import Testing

/// Keys of others.
@Suite struct JSONWebKeyReadingTests {
    private func read(_ text: String) throws -> JSONWebKey? {
        JSONWebKey(try JSONDocument(parsing: Array(text.utf8)).root)
    }

    private func own(_ algorithm: SignatureAlgorithm) throws -> (PublicKey, JSONValue) {
        let key = try PrivateKey.generate(algorithm).publicKey()
        return (key, JSONWebKey(key).json())
    }

    @Test("RFC 7517 §4: what we write we read", arguments: SignatureAlgorithm.allCases)
    func roundTrip(algorithm: SignatureAlgorithm) throws {
        let (key, json) = try own(algorithm)
        let text = String(decoding: json.serialized(), as: UTF8.self)
        let read = try #require(try read(text))
        #expect(read.key == key && read.id == JSONWebKey(key).id)
        let renamed = try #require(try self.read(text.replacingOccurrences(of: read.id, with: "mine")))
        #expect(renamed.key == key && renamed.id == "mine")
        let plain = "{\"keys\":[\(text),{\"kty\":\"oct\",\"k\":\"AAAA\"},{\"kty\":\"EC\",\"crv\":\"P-384\"},7]}"
        let set = try #require(JSONWebKeySet(JSONDocument(parsing: Array(plain.utf8)).root))
        #expect(set.keys == [read], "keys that cannot be used are passed over")
        #expect(set.candidates(keyID: Array("x".utf8)).isEmpty && set.candidates(keyID: nil).count == 1)
    }

    @Test(
        "RFC 7517 §4: a key for something else, or that is none",
        arguments: [
            #"{"kty":"OKP","crv":"Ed25519","x":"X","use":"enc"}"#,
            #"{"kty":"OKP","crv":"Ed25519","x":"X","alg":"ES256"}"#,
            #"{"kty":"OKP","crv":"Ed25519","x":"X","alg":5}"#, #"{"kty":"OKP","crv":"Ed25519","x":"X","kid":5}"#,
            #"{"kty":"OKP","crv":"Ed25519","x":"X","kid":""}"#, #"{"kty":"OKP","crv":"X25519","x":"X"}"#,
            #"{"kty":"OKP","crv":"Ed25519","x":"X","key_ops":["sign"]}"#, #"{"kty":"OKP","crv":"Ed25519"}"#,
            #"{"kty":"okp","crv":"Ed25519","x":"X"}"#, #"{"kty":"OKP","crv":"Ed25519","x":"X="}"#,
            #"{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"}"#, #"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#, "[]", "5",
        ])
    func refused(text: String) throws {
        let text = text.replacingOccurrences(of: "\"X", with: "\"" + JSONWebKeyTests.ed25519)
        #expect(try read(text) == nil)
    }

    @Test("RFC 7517 §5: what is no set, and a set of too many keys")
    func sets() throws {
        let many = "{\"keys\":[" + Array(repeating: "{}", count: 21).joined(separator: ",") + "]}"
        for text in ["{}", "[]", "{\"keys\":{}}", many] {
            #expect(JSONWebKeySet(try JSONDocument(parsing: Array(text.utf8)).root) == nil)
        }
    }
}
