internal import COpenSSL

/// A key that signs.
package struct PrivateKey: Sendable {
    private let handle: KeyHandle

    /// Makes a new key: RSA with 2048 bits, P-256 or Ed25519. RSA takes tens of milliseconds: call it off the loops.
    package static func generate(_ algorithm: SignatureAlgorithm) throws(CryptoError) -> PrivateKey {
        ERR_clear_error()
        let key =
            switch algorithm {
            case .rs256: unsafe sallyport_generate_rsa(2048)
            case .es256: unsafe sallyport_generate_p256()
            case .edDSA: unsafe sallyport_generate_ed25519()
            }
        guard let handle = unsafe KeyHandle(taking: key) else { throw .fromLibrary(.operationFailed) }
        return PrivateKey(handle: handle)
    }

    /// Reads a key that `der` wrote (PKCS #8 or the key's own form).
    package init(der: [UInt8]) throws(CryptoError) {
        ERR_clear_error()
        var rest = 0
        let key = unsafe der.withUnsafeBufferPointer { buffer in
            var position = buffer.baseAddress
            let key = unsafe d2i_AutoPrivateKey(nil, &position, buffer.count)
            if let start = buffer.baseAddress, let end = unsafe position {
                unsafe rest = buffer.count - (end - start)
            }
            return unsafe key
        }
        guard let handle = unsafe KeyHandle(taking: key) else { throw .fromLibrary(.invalidKey) }
        guard rest == 0 else { throw CryptoError(.invalidKey, "bytes after the key") }
        self.handle = handle
    }

    private init(handle: KeyHandle) { self.handle = handle }

    /// The key's one algorithm.
    package var algorithm: SignatureAlgorithm { handle.algorithm }

    /// The key as DER, for sealed storage only.
    package func der() throws(CryptoError) -> [UInt8] {
        guard let der = handle.privateDER else { throw .fromLibrary(.operationFailed) }
        return der
    }

    /// The key in PEM (PKCS #8, RFC 7468 §10), for a file that nobody else can read.
    package func pem() throws(CryptoError) -> [UInt8] {
        ERR_clear_error()
        guard let pem = handle.privatePEM else { throw .fromLibrary(.operationFailed) }
        return pem
    }

    /// A request for a certificate of this key for DNS names (RFC 2986), DER. A name with anything but letters, digits, `-`
    /// and `.` is refused: it would mean something to the library.
    package func certificateRequest(for names: [String]) throws(CryptoError) -> [UInt8] {
        guard !names.isEmpty, names.allSatisfy(DNSName.isPlain) else {
            throw CryptoError(.operationFailed, "not a DNS name")
        }
        ERR_clear_error()
        let words = names.map { "DNS:\($0)" }.joined(separator: ",")
        guard let request = handle.certificateRequest(words) else { throw .fromLibrary(.operationFailed) }
        return request
    }

    /// The half that verifies.
    package func publicKey() throws(CryptoError) -> PublicKey {
        guard let parameters = handle.publicParameters else { throw .fromLibrary(.operationFailed) }
        return try PublicKey(parameters)
    }

    /// A signature in JOSE's form: r and s of 32 bytes each for ES256 (RFC 7518 §3.4), s in its lower half, so that our
    /// own signatures have one form (T06).
    package func sign(_ message: [UInt8]) throws(CryptoError) -> [UInt8] {
        ERR_clear_error()
        guard let signature = handle.sign(message) else { throw .fromLibrary(.operationFailed) }
        guard algorithm == .es256 else { return signature }
        var raw = [UInt8](repeating: 0, count: 64)
        let result = unsafe raw.withUnsafeMutableBufferPointer { raw in
            unsafe signature.withUnsafeBufferPointer { der in
                unsafe sallyport_ecdsa_to_raw(der.baseAddress, der.count, raw.baseAddress)
            }
        }
        guard result == 1 else { throw .fromLibrary(.operationFailed) }
        return ES256Signature.canonical(raw)
    }
}
