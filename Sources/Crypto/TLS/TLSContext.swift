internal import COpenSSL

/// What one side of TLS trusts and shows, for any number of connections.
@safe package final class TLSContext: Sendable {
    /// Whose certificates count.
    package enum Trust: Sendable, Hashable {
        /// The authorities of the system.
        case system
        /// Those in a PEM file, and no others.
        case authorities(path: String)
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
            }
        guard isLoaded else {
            throw .fromLibrary(trust == .system ? "no authorities" : "the file with the authorities cannot be read")
        }
        unsafe SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
    }

    /// For connections that we accept: `certificatePath` holds our certificate and the chain above it, both files PEM.
    package convenience init(certificatePath: String, privateKeyPath: String) throws(TLSError) {
        try self.init(isServer: true)
        guard unsafe SSL_CTX_use_certificate_chain_file(pointer, certificatePath) == 1 else {
            throw .fromLibrary("the certificate cannot be read")
        }
        guard unsafe SSL_CTX_use_PrivateKey_file(pointer, privateKeyPath, SSL_FILETYPE_PEM) == 1,
            unsafe SSL_CTX_check_private_key(pointer) == 1
        else { throw .fromLibrary("the private key cannot be used with the certificate") }
    }

    private init(isServer: Bool) throws(TLSError) {
        ERR_clear_error()
        guard let context = unsafe sallyport_tls_context(isServer ? 1 : 0) else { throw .fromLibrary("no TLS") }
        unsafe pointer = context
        self.isServer = isServer
    }

    deinit { unsafe SSL_CTX_free(pointer) }
}
