package import Crypto

/// TLS over a ``ByteStream``, on the same loop: OpenSSL without its own input and output.
// SAFETY: as `ByteStream`, whose every use checks that it runs on the loop's thread; the engine is used beside it.
package final class TLSStream: DuplexStream, @unchecked Sendable {
    /// Why no connection came to be.
    package enum Failure: Error, Sendable, CustomStringConvertible {
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

    private let stream: ByteStream
    private let engine: TLSEngine

    /// The loop on which it lives.
    package var loop: EventLoop { stream.loop }

    private init(_ stream: ByteStream, _ engine: TLSEngine) {
        self.stream = stream
        self.engine = engine
    }

    /// Opens TLS to `host`, whose certificate must name it. Closes `stream` when that fails; nothing was sent in the clear.
    package static func connect(
        over stream: ByteStream, to host: String, context: TLSContext, within limit: Duration = .seconds(3)
    ) async throws(Failure) -> TLSStream {
        try await make(over: stream, within: limit) { () throws(TLSError) in
            try TLSEngine(context, connectingTo: host)
        }
    }

    /// Answers a peer that opens TLS. Closes `stream` when that fails.
    package static func accept(
        over stream: ByteStream, context: TLSContext, within limit: Duration = .seconds(3)
    ) async throws(Failure) -> TLSStream {
        try await make(over: stream, within: limit) { () throws(TLSError) in try TLSEngine(accepting: context) }
    }

    private static func make(
        over stream: ByteStream, within limit: Duration, _ engine: () throws(TLSError) -> TLSEngine
    ) async throws(Failure) -> TLSStream {
        let made: TLSStream
        do throws(TLSError) {
            made = TLSStream(stream, try engine())
        } catch {
            stream.close()
            throw .security(error)
        }
        do throws(Failure) {
            try await made.shakeHands(until: EventLoop.preciseNow + limit)
            return made
        } catch {
            stream.close()
            throw error
        }
    }

    private func shakeHands(until deadline: LoopInstant) async throws(Failure) {
        while true {
            let isComplete: Bool
            do throws(TLSError) {
                isComplete = try engine.handshake()
            } catch {
                // The alert tells the peer why.
                _ = try? stream.writeWithoutWaiting(engine.takeCiphertext())
                throw .security(error)
            }
            do throws(IOError) {
                try await send()
                if isComplete { return }
                guard let bytes = try await stream.read(until: deadline) else { throw IOError.connectionReset }
                engine.feed(bytes)
            } catch {
                throw .wire(error)
            }
        }
    }

    /// The next plain bytes; nil when the peer has ended in order. A wire that ends without that is a reset: what came
    /// may have been cut by somebody in between.
    package func read() async throws(IOError) -> [UInt8]? {
        try await read { () async throws(IOError) in try await stream.read() }
    }

    /// The same until `deadline`.
    package func read(until deadline: LoopInstant) async throws(IOError) -> [UInt8]? {
        try await read { () async throws(IOError) in try await stream.read(until: deadline) }
    }

    private func read(_ more: () async throws(IOError) -> [UInt8]?) async throws(IOError) -> [UInt8]? {
        while true {
            switch try plain({ () throws(TLSError) in try engine.read() }) {
            case .bytes(let bytes): return bytes
            case .ended: return nil
            case .needsMore:
                // Reading can make something to send: an answer to a change of keys.
                try await send()
                guard let bytes = try await more() else { throw .connectionReset }
                engine.feed(bytes)
            }
        }
    }

    package func write(_ bytes: [UInt8]) async throws(IOError) {
        try plain { () throws(TLSError) in try engine.write(bytes) }
        try await send()
    }

    @discardableResult
    package func writeWithoutWaiting(_ bytes: [UInt8]) throws(IOError) -> Bool {
        try plain { () throws(TLSError) in try engine.write(bytes) }
        return try stream.writeWithoutWaiting(engine.takeCiphertext())
    }

    package func close() {
        if !stream.isClosed {
            engine.end()
            // Whoever is gone needs no farewell.
            _ = try? stream.writeWithoutWaiting(engine.takeCiphertext())
        }
        stream.close()
    }

    private func send() async throws(IOError) {
        let bytes = engine.takeCiphertext()
        if !bytes.isEmpty { try await stream.write(bytes) }
    }

    /// A record that cannot be trusted ends the connection.
    private func plain<Value>(_ body: () throws(TLSError) -> Value) throws(IOError) -> Value {
        do throws(TLSError) {
            return try body()
        } catch {
            stream.close()
            throw .connectionReset
        }
    }
}
