internal import COpenSSL
package import Telemetry

/// What one side of TLS trusts and shows, for any number of connections.
@safe package final class TLSContext: Sendable {
    /// Whose certificates count.
    package enum Trust: Sendable, Hashable {
        /// The authorities of the system.
        case system
        /// Those in a PEM file, and no others.
        case authorities(path: String)
        /// The certificates in a PEM file themselves, whoever issued them: the peer shows the first of them.
        case certificates(path: String)
    }

    /// Why we have nothing to show.
    package enum IdentityError: Error, Hashable, Sendable {
        /// It is the certificate, or one of those above it.
        case certificate(TLSError)
        /// It is the private key.
        case privateKey(TLSError)
    }

    // SAFETY: set once and not configured after `init`; OpenSSL counts its references atomically.
    nonisolated(unsafe) let pointer: OpaquePointer
    let isServer: Bool

    /// For connections that we open: the peer must show a certificate that `trust` vouches for.
    package convenience init(trusting trust: Trust) throws(TLSError) {
        try self.init(isServer: false)
        let isLoaded =
            switch trust {
            case .system: unsafe SSL_CTX_set_default_verify_paths(pointer) == 1
            case .authorities(let path): unsafe SSL_CTX_load_verify_file(pointer, path) == 1
            case .certificates(let path):
                unsafe SSL_CTX_load_verify_file(pointer, path) == 1
                    && X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(pointer), UInt(X509_V_FLAG_PARTIAL_CHAIN)) == 1
            }
        guard isLoaded else {
            throw .fromLibrary(trust == .system ? "no authorities" : "the file with the certificates cannot be read")
        }
        unsafe SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
    }

    /// For connections that we accept: TLS 1.2 and 1.3, AEAD alone, `http/1.1`. `chain` holds our certificate and those above
    /// it, `privateKey` its key without a password; both PEM, and whole: what was cut short is refused.
    package convenience init(chain: [UInt8], privateKey: [UInt8]) throws(IdentityError) {
        do throws(TLSError) {
            try self.init(isServer: true)
            guard unsafe sallyport_tls_harden_server(pointer) == 1 else { throw TLSError.fromLibrary("no TLS") }
            guard Self.isWhole(chain), unsafe sallyport_tls_use_chain(pointer, chain, Int32(clamping: chain.count)) == 1
            else { throw TLSError.fromLibrary("the certificate cannot be read") }
        } catch {
            throw .certificate(error)
        }
        switch unsafe sallyport_tls_use_key(pointer, privateKey, Int32(clamping: privateKey.count)) {
        case 1 where Self.isWhole(privateKey): break
        case -1:
            ERR_clear_error()
            throw .privateKey(TLSError("the private key belongs to another certificate"))
        default: throw .privateKey(.fromLibrary("the private key cannot be read"))
        }
    }

    /// For validators of a certificate authority that want to see that `name` is ours (RFC 8737): shows a certificate of its own
    /// with `digest`, and serves nothing.
    package convenience init(challenge digest: [UInt8], for name: String) throws(TLSError) {
        try self.init(isServer: true)
        guard digest.count == 32, DNSName.isPlain(name), unsafe sallyport_tls_harden_server(pointer) == 1,
            unsafe sallyport_tls_use_challenge(pointer, name, digest) == 1
        else { throw .fromLibrary("no certificate for the challenge") }
    }

    /// For as long as there is no certificate: every handshake fails, but for those of validators.
    package static func withoutCertificate() throws(TLSError) -> TLSContext {
        let context = try TLSContext(isServer: true)
        guard unsafe sallyport_tls_harden_server(context.pointer) == 1 else { throw .fromLibrary("no TLS") }
        return context
    }

    private init(isServer: Bool) throws(TLSError) {
        ERR_clear_error()
        guard let context = unsafe sallyport_tls_context(isServer ? 1 : 0) else { throw .fromLibrary("no TLS") }
        unsafe pointer = context
        self.isServer = isServer
    }

    deinit { unsafe SSL_CTX_free(pointer) }

    /// A file that is being written ends anywhere, also between two certificates; a whole one ends with an end.
    private static func isWhole(_ pem: [UInt8]) -> Bool {
        let lines = pem.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
        let last = lines.last { line in line.contains { $0 > 0x20 } }
        return last?.starts(with: Array("-----END ".utf8)) == true && last?.suffix(5) == Array("-----".utf8)[...]
    }
}

// MARK: - The certificate that is shown

extension TLSContext {
    /// When the certificate that we show begins to count and when it is over; nil for a side that shows none.
    package var validity: (notBefore: Timestamp, notAfter: Timestamp)? {
        guard let certificate = unsafe SSL_CTX_get0_certificate(pointer) else { return nil }
        var (start, end): (Int64, Int64) = (0, 0)
        guard unsafe sallyport_seconds(X509_get0_notBefore(certificate), &start) == 1,
            unsafe sallyport_seconds(X509_get0_notAfter(certificate), &end) == 1
        else { return nil }
        return (Timestamp(secondsSinceEpoch: start), Timestamp(secondsSinceEpoch: end))
    }

    /// Whether the certificate that we show is for `host`: a DNS name, or an address without brackets.
    package func names(_ host: String) -> Bool {
        defer { ERR_clear_error() }
        guard let certificate = unsafe SSL_CTX_get0_certificate(pointer) else { return false }
        return unsafe sallyport_names(certificate, host) == 1
    }
}
