import CLibUV
import Crypto

/// A stream whose handshake is done: what comes is decrypted before anybody sees it, what goes is encrypted last.
extension StreamCore {
    /// What a peer may make us owe it (answers to changes of keys) while it takes nothing.
    private static let unsentLimit = 65_536

    /// What was read ahead belongs to TLS already.
    func startTLS(_ engine: TLSEngine) {
        assertLoop()
        guard !isClosed else { return }
        tls = engine
        let ahead = pending
        pending = []
        unsafe ahead.withUnsafeBytes { unsafe decrypt($0, engine) }
    }

    /// Hands on what `bytes` of the wire hold.
    func decrypt(_ bytes: UnsafeRawBufferPointer, _ engine: TLSEngine) {
        var plain = loop.takeBuffer()
        var hasEnded = false
        do throws(TLSError) {
            var position = 0
            repeat {
                let end = min(position + TLSEngine.chunk, bytes.count)
                unsafe engine.feed(UnsafeRawBufferPointer(rebasing: bytes[position..<end]).bytes)
                position = end
                hasEnded = try engine.decrypt(into: &plain)
            } while position < bytes.count && !hasEnded
        } catch {
            // A record that cannot be trusted: what came before it can, nothing after it.
            flush(engine)
            if writeError == nil { writeError = .connectionReset }
            deliver(&plain)
            return ended(UV_ECONNRESET.rawValue)
        }
        flush(engine)
        deliver(&plain)
        if hasEnded { ended(UV_EOF.rawValue) }
    }

    private func deliver(_ plain: inout [UInt8]) {
        if plain.isEmpty {
            loop.giveBack(&plain)
        } else {
            pass(&plain)
        }
    }

    /// Sends what TLS itself has to say.
    private func flush(_ engine: TLSEngine) {
        let bytes = engine.takeCiphertext()
        guard !bytes.isEmpty else { return }
        // A wire that fails is noticed by whoever reads or writes next.
        _ = try? startSending(bytes)
        if unsentBytes > Self.unsentLimit, writeError == nil { writeError = .overloaded }
    }

    /// Tells the peer that nothing more comes, after what is queued.
    func endTLS() {
        guard let tls, writeError == nil else { return }
        tls.end()
        _ = try? startSending(tls.takeCiphertext())
    }
}
