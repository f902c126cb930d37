internal import COpenSSL

/// Owns one EVP_PKEY. OpenSSL counts its references atomically and does not change a key that is only used, so any
/// thread may sign and verify with it.
@safe final class KeyHandle: Sendable {
    // SAFETY: set once; EVP_PKEY is immutable after construction and safe for concurrent use (`keysServeAllThreads`).
    private nonisolated(unsafe) let key: OpaquePointer
    let algorithm: SignatureAlgorithm

    /// Takes the reference over. Nil where the key is missing, of a kind we do not use, or too weak.
    init?(taking key: OpaquePointer?) {
        guard let key = unsafe key else { return nil }
        if unsafe sallyport_is(key, "RSA") == 1, unsafe (2048...8192).contains(sallyport_bits(key)) {
            algorithm = .rs256
        } else if unsafe sallyport_is(key, "EC") == 1, unsafe sallyport_bits(key) == 256, unsafe Self.isP256(key) {
            algorithm = .es256
        } else if unsafe sallyport_is(key, "ED25519") == 1 {
            algorithm = .edDSA
        } else {
            unsafe EVP_PKEY_free(key)
            return nil
        }
        unsafe self.key = key
    }

    deinit { unsafe EVP_PKEY_free(key) }

    private static func isP256(_ key: OpaquePointer) -> Bool {
        var name = [CChar](repeating: 0, count: 64)
        var length = 0
        let result = unsafe name.withUnsafeMutableBufferPointer {
            unsafe EVP_PKEY_get_group_name(key, $0.baseAddress, $0.count, &length)
        }
        return result == 1 && name.prefix(length).elementsEqual("prime256v1".utf8.map { CChar(bitPattern: $0) })
    }

    /// The size in bytes of a signature's largest form.
    private var capacity: Int { unsafe Int(EVP_PKEY_get_size(key)) }

    private var digest: OpaquePointer? { unsafe algorithm == .edDSA ? nil : EVP_sha256() }

    /// A signature over `message` in OpenSSL's own form: DER for ECDSA.
    func sign(_ message: [UInt8]) -> [UInt8]? {
        guard let context = unsafe EVP_MD_CTX_new() else { return nil }
        defer { unsafe EVP_MD_CTX_free(context) }
        guard unsafe EVP_DigestSignInit(context, nil, digest, nil, key) == 1 else { return nil }
        var signature = [UInt8](repeating: 0, count: capacity)
        var length = signature.count
        let result = unsafe signature.withUnsafeMutableBufferPointer { output in
            unsafe message.withUnsafeBufferPointer { input in
                unsafe EVP_DigestSign(context, output.baseAddress, &length, input.baseAddress, input.count)
            }
        }
        return result == 1 ? Array(signature.prefix(length)) : nil
    }

    /// Whether `signature`, in OpenSSL's own form, is one over `message`.
    func verify(_ signature: [UInt8], over message: [UInt8]) -> Bool {
        guard algorithm != .rs256 || signature.count == capacity, let context = unsafe EVP_MD_CTX_new() else {
            return false
        }
        defer { unsafe EVP_MD_CTX_free(context) }
        guard unsafe EVP_DigestVerifyInit(context, nil, digest, nil, key) == 1 else { return false }
        return unsafe signature.withUnsafeBufferPointer { signature in
            unsafe message.withUnsafeBufferPointer { message in
                unsafe EVP_DigestVerify(
                    context, signature.baseAddress, signature.count, message.baseAddress, message.count) == 1
            }
        }
    }

    var publicParameters: PublicKeyParameters? {
        switch algorithm {
        case .rs256:
            guard let modulus = number("n"), let exponent = number("e") else { return nil }
            return .rsa(modulus: modulus, exponent: exponent)
        case .es256:
            guard let x = number("qx", length: 32), let y = number("qy", length: 32) else { return nil }
            return .p256(x: x, y: y)
        case .edDSA:
            var x = [UInt8](repeating: 0, count: 32)
            var length = 32
            let result = unsafe x.withUnsafeMutableBufferPointer {
                unsafe EVP_PKEY_get_raw_public_key(key, $0.baseAddress, &length)
            }
            return result == 1 && length == 32 ? .ed25519(x: x) : nil
        }
    }

    private func number(_ name: String, length: Int = 0) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 1024)
        let written = unsafe bytes.withUnsafeMutableBufferPointer {
            unsafe sallyport_number(key, name, $0.baseAddress, Int32($0.count), Int32(length))
        }
        return written > 0 ? Array(bytes.prefix(Int(written))) : nil
    }

    /// The private key as DER.
    /// A request for a certificate of this key, DER; `names` in OpenSSL's words.
    func certificateRequest(_ names: String) -> [UInt8]? {
        unsafe written(capacity: 65_536) { unsafe sallyport_certificate_request(key, names, $0, $1) }
    }

    /// The key in PEM.
    var privatePEM: [UInt8]? {
        unsafe written(capacity: 8192) { unsafe sallyport_key_pem(key, $0, $1) }
    }

    private func written(
        capacity: Int, _ write: (UnsafeMutablePointer<UInt8>?, Int32) -> Int32
    ) -> [UInt8]? {
        var length: Int32 = -1
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            unsafe length = write(buffer.baseAddress, Int32(capacity))
            count = max(0, Int(length))
        }
        return length > 0 ? bytes : nil
    }

    var privateDER: [UInt8]? {
        let length = unsafe i2d_PrivateKey(key, nil)
        guard length > 0 else { return nil }
        var der = [UInt8](repeating: 0, count: Int(length))
        let written = unsafe der.withUnsafeMutableBufferPointer { buffer in
            var position = buffer.baseAddress
            return unsafe i2d_PrivateKey(key, &position)
        }
        return written == length ? der : nil
    }
}
