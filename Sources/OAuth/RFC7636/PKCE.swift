import Crypto

/// Proof Key for Code Exchange (RFC 7636), with `S256` alone: `plain` proves nothing to whoever saw the request.
package enum PKCE {
    /// `code_challenge` with method `S256` (§4.3).
    package struct Challenge: Sendable, Hashable {
        private let digest: [UInt8]

        /// Nil where `text` is not the base64url form of a SHA-256 digest.
        package init?(s256 text: String) {
            guard text.utf8.count == 43, let digest = Base64URL.decode(text), digest.count == 32 else { return nil }
            self.digest = digest
        }

        /// Whether `verifier` is the one that this challenge was made of (§4.6).
        package func verify(_ verifier: Verifier) -> Bool {
            ConstantTime.equals(SHA256.digest(Array(verifier.text.utf8)).bytes, digest)
        }

        /// The challenge's text.
        package var text: String { Base64URL.encode(digest) }
    }

    /// `code_verifier` (§4.1): 43 to 128 unreserved characters.
    package struct Verifier: Sendable {
        let text: String

        /// Throws `invalid_request` for anything else.
        package init(parsing text: String) throws(OAuthError) {
            guard (43...128).contains(text.utf8.count), text.utf8.allSatisfy(Self.isUnreserved) else {
                throw OAuthError(.invalidRequest, "code_verifier must be 43 to 128 unreserved characters (RFC 7636)")
            }
            self.text = text
        }

        /// A new one with 256 random bits, for our own requests.
        package static func random() -> Verifier { Verifier(text: Base64URL.encode(Random.bytes(32))) }

        private init(text: String) { self.text = text }

        /// The challenge that goes into the authorization request.
        package var challenge: String { Base64URL.encode(SHA256.digest(Array(text.utf8)).bytes) }

        private static func isUnreserved(_ byte: UInt8) -> Bool {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: true
            default: false
            }
        }
    }
}
