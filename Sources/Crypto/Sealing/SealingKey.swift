internal import COpenSSL

/// Seals small records with AES-256-GCM: what is sealed can be neither read nor changed without the key.
///
/// The text is a version byte, a random 96-bit nonce, the ciphertext and a 128-bit tag. Random nonces are safe for
/// 2³² records under one key, far beyond what one data directory writes.
package struct SealingKey: Sendable, Equatable {
    private enum Purpose {}
    private static let version: UInt8 = 1
    private static let nonceLength = 12
    private static let tagLength = 16

    private let key: Secret<Purpose>

    /// Takes 32 bytes of key material; nil for any other count.
    package init?(_ material: [UInt8]) {
        guard material.count == 32 else { return nil }
        key = Secret(material)
    }

    /// A new key.
    package static func random() -> SealingKey { SealingKey(derived: Random.bytes(32)) }

    /// A key for one purpose, derived from this one: records of different purposes cannot be exchanged.
    package func derived(for purpose: StaticString) -> SealingKey {
        let material = HMACSHA256.authenticate(Array("sallyport/seal/\(purpose)".utf8), key: key)
        return SealingKey(derived: material)
    }

    /// A code over `message` that only whoever has the key can make; the same each time.
    package func code(over message: [UInt8]) -> [UInt8] { HMACSHA256.authenticate(message, key: key) }

    private init(derived material: [UInt8]) { key = Secret(material) }

    /// Seals `plaintext`; `context` is authenticated with it and must be given again to open.
    package func seal(_ plaintext: [UInt8], authenticating context: [UInt8] = []) throws(CryptoError) -> [UInt8] {
        let nonce = Random.bytes(Self.nonceLength)
        guard let (ciphertext, tag) = key.withBytes({ AESGCM.seal(plaintext, key: $0, nonce: nonce, context: context) })
        else { throw .fromLibrary(.operationFailed) }
        return [Self.version] + nonce + ciphertext + tag
    }

    /// The plaintext, or nil where the record was changed, cut, sealed by another key or for another context.
    package func open(_ sealed: [UInt8], authenticating context: [UInt8] = []) -> [UInt8]? {
        guard sealed.count >= 1 + Self.nonceLength + Self.tagLength, sealed[0] == Self.version else { return nil }
        let nonce = Array(sealed[1...Self.nonceLength])
        let ciphertext = Array(sealed[(1 + Self.nonceLength)..<(sealed.count - Self.tagLength)])
        let tag = Array(sealed[(sealed.count - Self.tagLength)...])
        return key.withBytes { AESGCM.open(ciphertext, tag: tag, key: $0, nonce: nonce, context: context) }
    }
}

/// NIST SP 800-38D with 96-bit nonces and 128-bit tags.
enum AESGCM {
    static func seal(
        _ plaintext: [UInt8], key: [UInt8], nonce: [UInt8], context: [UInt8]
    ) -> (ciphertext: [UInt8], tag: [UInt8])? {
        ERR_clear_error()
        guard let cipher = Cipher(key: key, nonce: nonce, encrypts: true),
            cipher.authenticate(context), let ciphertext = cipher.update(plaintext), cipher.finish()
        else { return nil }
        var tag = [UInt8](repeating: 0, count: 16)
        guard cipher.readTag(&tag) else { return nil }
        return (ciphertext, tag)
    }

    static func open(
        _ ciphertext: [UInt8], tag: [UInt8], key: [UInt8], nonce: [UInt8], context: [UInt8]
    ) -> [UInt8]? {
        ERR_clear_error()
        defer { ERR_clear_error() }
        guard tag.count == 16, let cipher = Cipher(key: key, nonce: nonce, encrypts: false),
            cipher.authenticate(context), let plaintext = cipher.update(ciphertext), cipher.setTag(tag),
            cipher.finish()
        else { return nil }
        return plaintext
    }

    /// Owns one EVP_CIPHER_CTX.
    @safe private final class Cipher {
        private let context: OpaquePointer

        init?(key: [UInt8], nonce: [UInt8], encrypts: Bool) {
            let cipher = unsafe key.count == 32 ? EVP_aes_256_gcm() : key.count == 16 ? EVP_aes_128_gcm() : nil
            guard nonce.count == 12, let cipher = unsafe cipher, let context = unsafe EVP_CIPHER_CTX_new() else {
                return nil
            }
            unsafe self.context = context
            let result = unsafe key.withUnsafeBufferPointer { key in
                unsafe nonce.withUnsafeBufferPointer { nonce in
                    unsafe EVP_CipherInit_ex(context, cipher, nil, key.baseAddress, nonce.baseAddress, encrypts ? 1 : 0)
                }
            }
            guard result == 1 else { return nil }
        }

        deinit { unsafe EVP_CIPHER_CTX_free(context) }

        func authenticate(_ bytes: [UInt8]) -> Bool {
            guard !bytes.isEmpty else { return true }
            var length: Int32 = 0
            return unsafe bytes.withUnsafeBufferPointer {
                unsafe EVP_CipherUpdate(context, nil, &length, $0.baseAddress, Int32($0.count)) == 1
            }
        }

        func update(_ input: [UInt8]) -> [UInt8]? {
            guard !input.isEmpty else { return [] }
            var output = [UInt8](repeating: 0, count: input.count)
            var length: Int32 = 0
            let result = unsafe output.withUnsafeMutableBufferPointer { output in
                unsafe input.withUnsafeBufferPointer { input in
                    unsafe EVP_CipherUpdate(context, output.baseAddress, &length, input.baseAddress, Int32(input.count))
                }
            }
            return result == 1 && Int(length) == input.count ? output : nil
        }

        func finish() -> Bool {
            var block: (UInt64, UInt64) = (0, 0)
            var length: Int32 = 0
            return unsafe withUnsafeMutableBytes(of: &block) {
                unsafe EVP_CipherFinal_ex(context, $0.baseAddress?.assumingMemoryBound(to: UInt8.self), &length) == 1
            }
        }

        func readTag(_ tag: inout [UInt8]) -> Bool {
            unsafe tag.withUnsafeMutableBytes {
                unsafe EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32($0.count), $0.baseAddress) == 1
            }
        }

        func setTag(_ tag: [UInt8]) -> Bool {
            var tag = tag
            return unsafe tag.withUnsafeMutableBytes {
                unsafe EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32($0.count), $0.baseAddress) == 1
            }
        }
    }
}
