package import Crypto

/// Why TLS could not be spoken with a peer.
package enum TLSFailure: Error, Sendable, CustomStringConvertible {
    /// The wire.
    case wire(IOError)
    /// TLS: a certificate that does not fit, or a peer that speaks something else.
    case security(TLSError)

    package var description: String {
        switch self {
        case .wire(let error): error.description
        case .security(let error): error.description
        }
    }
}

extension ByteStream {
    /// From here on the stream speaks TLS to `host`, whose certificate must name it. Closes the stream when that fails;
    /// nothing was sent in the clear.
    ///
    /// Everything else about the stream stays as it is, with one more rule: a wire that ends without TLS ending first is a
    /// reset, for what came may have been cut by somebody in between.
    package func secure(
        to host: String, _ context: TLSContext, within limit: Duration = .seconds(3)
    ) async throws(TLSFailure) {
        _ = try await secure(within: limit) { () throws(TLSError) in try TLSEngine(context, connectingTo: host) }
    }

    /// From here on the stream speaks TLS with the peer that opened it, as ``secure(to:_:within:)`` does. False for a
    /// validator of a certificate authority: it wanted to see the handshake, and there is nothing to serve.
    @discardableResult
    package func secure(
        accepting served: ServedTLS, within limit: Duration = .seconds(3)
    ) async throws(TLSFailure) -> Bool {
        try await secure(within: limit) { () throws(TLSError) in try TLSEngine(accepting: served) }
    }

    private func secure(
        within limit: Duration, _ makeEngine: () throws(TLSError) -> TLSEngine
    ) async throws(TLSFailure) -> Bool {
        let engine: TLSEngine
        do throws(TLSError) {
            engine = try makeEngine()
        } catch {
            close()
            throw .security(error)
        }
        do throws(TLSFailure) {
            try await shakeHands(engine, until: EventLoop.preciseNow + limit)
        } catch {
            close()
            throw error
        }
        startTLS(engine)
        return !engine.isChallenge
    }

    private func shakeHands(_ engine: TLSEngine, until deadline: LoopInstant) async throws(TLSFailure) {
        while true {
            let isComplete: Bool
            do throws(TLSError) {
                isComplete = try engine.handshake()
            } catch {
                // The alert tells the peer why.
                _ = try? writeWithoutWaiting(engine.takeCiphertext())
                throw .security(error)
            }
            do throws(IOError) {
                try await write(engine.takeCiphertext())
                if isComplete { return }
                guard let bytes = try await read(until: deadline) else { throw IOError.connectionReset }
                engine.feed(bytes)
            } catch {
                throw .wire(error)
            }
        }
    }
}
