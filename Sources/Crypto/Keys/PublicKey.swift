internal import COpenSSL

/// A key that verifies, with exactly one algorithm.
package struct PublicKey: Sendable {
    private let handle: KeyHandle
    /// The key's numbers.
    package let parameters: PublicKeyParameters

    /// Builds a key from its numbers. Refuses RSA below 2048 bits, even or tiny exponents, points off the curve.
    package init(_ parameters: PublicKeyParameters) throws(CryptoError) {
        ERR_clear_error()
        let key: OpaquePointer?
        switch parameters {
        case .rsa(let modulus, let exponent):
            guard (256...1024).contains(modulus.count), modulus.first != 0, (1...8).contains(exponent.count),
                exponent.first != 0, exponent.last.map({ $0 & 1 == 1 }) == true, exponent != [1]
            else { throw CryptoError(.invalidKey, "RSA numbers out of range") }
            unsafe key = modulus.withUnsafeBufferPointer { n in
                unsafe exponent.withUnsafeBufferPointer { e in
                    unsafe sallyport_rsa_public(n.baseAddress, Int32(n.count), e.baseAddress, Int32(e.count))
                }
            }
        case .p256(let x, let y):
            guard x.count == 32, y.count == 32 else { throw CryptoError(.invalidKey, "P-256 coordinates are 32 bytes") }
            let point = [0x04] + x + y
            unsafe key = point.withUnsafeBufferPointer { unsafe sallyport_p256_public($0.baseAddress, $0.count) }
        case .ed25519(let x):
            guard x.count == 32 else { throw CryptoError(.invalidKey, "an Ed25519 key is 32 bytes") }
            unsafe key = x.withUnsafeBufferPointer {
                unsafe EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, $0.baseAddress, $0.count)
            }
        }
        guard let handle = unsafe KeyHandle(taking: key) else { throw .fromLibrary(.invalidKey) }
        self.handle = handle
        self.parameters = parameters
    }

    /// The key's one algorithm.
    package var algorithm: SignatureAlgorithm { handle.algorithm }

    /// Whether `signature`, in JOSE's form, is one over `message` by this key.
    package func verify(_ signature: [UInt8], over message: [UInt8]) -> Bool {
        ERR_clear_error()
        defer { ERR_clear_error() }
        guard algorithm == .es256 else { return handle.verify(signature, over: message) }
        guard signature.count == 64 else { return false }
        var der = [UInt8](repeating: 0, count: 80)
        let length = unsafe der.withUnsafeMutableBufferPointer { der in
            unsafe signature.withUnsafeBufferPointer { unsafe sallyport_ecdsa_to_der($0.baseAddress, der.baseAddress) }
        }
        return length > 0 && handle.verify(Array(der.prefix(Int(length))), over: message)
    }
}

extension PublicKey {
    /// Whether `signature` has the form that our own keys make. Who holds an ECDSA signature can make a second one that
    /// verifies; other people's libraries make either, our own tokens have one spelling only (T06).
    package func isCanonical(_ signature: [UInt8]) -> Bool {
        algorithm != .es256 || ES256Signature.isCanonical(signature)
    }
}

extension PublicKey: Hashable {
    package static func == (left: PublicKey, right: PublicKey) -> Bool { left.parameters == right.parameters }

    package func hash(into hasher: inout Hasher) { hasher.combine(parameters) }
}
