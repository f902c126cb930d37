internal import COpenSSL

/// One TLS connection without any input or output: bytes of the wire in and out on one side, plain bytes on the other.
///
/// Used by one thread at a time: its stream's loop.
@safe package final class TLSEngine {
    private var context: TLSContext
    /// What the peer may be shown instead, when it is a validator.
    private let served: ServedTLS?
    /// Whether the peer was a validator of a certificate authority: it has seen what it wanted, and there is nothing to serve.
    package private(set) var isChallenge = false
    private let ssl: OpaquePointer
    private let input: OpaquePointer
    private let output: OpaquePointer

    /// What one record holds: in larger pieces the memory between us and the wire would grow, and stay.
    package static let chunk = 16_384

    /// A connection to `host`, which the peer's certificate must name: a DNS name, or an address without brackets.
    package convenience init(_ context: TLSContext, connectingTo host: String) throws(TLSError) {
        try self.init(context, served: nil)
        guard !host.isEmpty, unsafe sallyport_tls_expect(ssl, host) == 1 else {
            throw .fromLibrary("this host cannot be verified")
        }
        unsafe SSL_set_connect_state(ssl)
    }

    /// A connection that a peer opened.
    package convenience init(accepting served: ServedTLS) throws(TLSError) {
        try self.init(served.current, served: served)
        unsafe SSL_set_accept_state(ssl)
    }

    private init(_ context: TLSContext, served: ServedTLS?) throws(TLSError) {
        ERR_clear_error()
        guard let ssl = unsafe SSL_new(context.pointer) else { throw .fromLibrary("no TLS") }
        guard let input = unsafe sallyport_memory_bio() else {
            unsafe SSL_free(ssl)
            throw .fromLibrary("no memory")
        }
        guard let output = unsafe sallyport_memory_bio() else {
            unsafe BIO_free(input)
            unsafe SSL_free(ssl)
            throw .fromLibrary("no memory")
        }
        // From here on the connection owns both.
        unsafe SSL_set_bio(ssl, input, output)
        self.context = context
        self.served = served
        unsafe self.ssl = ssl
        unsafe self.input = input
        unsafe self.output = output
    }

    deinit { unsafe SSL_free(ssl) }

    /// Takes bytes that came over the wire; best in pieces of ``chunk``, with what they hold taken out in between.
    package func feed(_ ciphertext: RawSpan) {
        unsafe ciphertext.withUnsafeBytes { buffer in
            // A memory BIO takes everything; without memory the process cannot go on anyway.
            let written = unsafe BIO_write(input, buffer.baseAddress, Int32(buffer.count))
            unsafe precondition(written == buffer.count || buffer.isEmpty, "out of memory")
        }
    }

    /// The same.
    package func feed(_ ciphertext: [UInt8]) {
        unsafe ciphertext.withUnsafeBytes { unsafe feed($0.bytes) }
    }

    /// The bytes that have to go over the wire now; empty when there are none.
    package func takeCiphertext() -> [UInt8] {
        var bytes: [UInt8] = []
        moveCiphertext(to: &bytes)
        return bytes
    }

    private func moveCiphertext(to bytes: inout [UInt8]) {
        while true {
            let count = unsafe withUnsafeTemporaryAllocation(byteCount: Self.chunk, alignment: 1) { buffer in
                let count = unsafe max(0, Int(BIO_read(output, buffer.baseAddress, Int32(buffer.count))))
                unsafe bytes.append(contentsOf: buffer[..<count])
                return count
            }
            if count < Self.chunk { return }
        }
    }

    /// Goes on with the handshake; true when it is complete. A certificate that does not fit ends it here.
    package func handshake() throws(TLSError) -> Bool {
        ERR_clear_error()
        let result = unsafe SSL_do_handshake(ssl)
        if result == 1 { return true }
        let code = unsafe SSL_get_error(ssl, result)
        if code == SSL_ERROR_WANT_CLIENT_HELLO_CB, !isChallenge {
            try showChallenge()
            return try handshake()
        }
        guard wantsMore(code) else { throw failure("handshake") }
        return false
    }

    /// A validator has come: it is shown the proof that it looks for, if there is one.
    private func showChallenge() throws(TLSError) {
        guard let challenge = served?.challenge, unsafe SSL_set_SSL_CTX(ssl, challenge.pointer) != nil else {
            throw TLSError("no name is being proven")
        }
        context = challenge
        isChallenge = true
    }

    /// Appends the plain bytes that can be had now; true when the peer has ended in order.
    package func decrypt(into plaintext: inout [UInt8]) throws(TLSError) -> Bool {
        ERR_clear_error()
        var result: Int32 = 1
        unsafe withUnsafeTemporaryAllocation(byteCount: Self.chunk, alignment: 1) { buffer in
            while result > 0 {
                unsafe result = SSL_read(ssl, buffer.baseAddress, Int32(buffer.count))
                unsafe plaintext.append(contentsOf: buffer[..<max(0, Int(result))])
            }
        }
        let code = unsafe SSL_get_error(ssl, result)
        if code == SSL_ERROR_ZERO_RETURN { return true }
        guard wantsMore(code) else { throw failure("read") }
        return false
    }

    /// `plaintext` as it goes over the wire, after whatever else has to.
    package func encrypt(_ plaintext: [UInt8]) throws(TLSError) -> [UInt8] {
        ERR_clear_error()
        var ciphertext: [UInt8] = []
        ciphertext.reserveCapacity(plaintext.count + plaintext.count / 256 + 64)
        var position = 0
        while position < plaintext.count {
            let written = unsafe plaintext.withUnsafeBytes { buffer in
                let count = min(buffer.count - position, Self.chunk)
                return unsafe SSL_write(ssl, buffer.baseAddress?.advanced(by: position), Int32(count))
            }
            guard written > 0 else { throw failure("write") }
            position += Int(written)
            moveCiphertext(to: &ciphertext)
        }
        return ciphertext
    }

    /// Says that nothing more comes.
    package func end() {
        unsafe SSL_shutdown(ssl)
        ERR_clear_error()
    }

    private func wantsMore(_ code: Int32) -> Bool { code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE }

    private func failure(_ act: String) -> TLSError {
        let verification = unsafe SSL_get_verify_result(ssl)
        guard verification == X509_V_OK else {
            ERR_clear_error()
            return unsafe TLSError(
                "the certificate: \(String(cString: X509_verify_cert_error_string(Int(verification))))")
        }
        return .fromLibrary("TLS \(act)")
    }
}
