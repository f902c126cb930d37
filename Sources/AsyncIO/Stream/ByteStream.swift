import Crypto

/// A stream of bytes both ways, or one way for the pipes of a child: TCP, unix socket or pipe; in the clear or under TLS.
///
/// Confined to its loop: every use must run there, which a precondition checks. Reading is bounded: the stream reads
/// ahead up to ``EventLoop/readChunk`` bytes while nobody waits and then stops, so that the kernel's window closes and
/// the peer is held back. Letting go of the stream closes it.
// SAFETY: sendable so that the actors of one loop can pass it on; every use checks that it runs on that loop's thread.
package final class ByteStream: @unchecked Sendable {
    private let core: StreamCore

    /// The loop on which the stream lives.
    package let loop: EventLoop
    /// The peer; a pipe has none.
    package let remoteAddress: SocketAddress?
    /// Our end; a pipe has none.
    package let localAddress: SocketAddress?

    init(_ core: StreamCore, remoteAddress: SocketAddress? = nil, localAddress: SocketAddress? = nil) {
        self.core = core
        loop = core.loop
        self.remoteAddress = remoteAddress
        self.localAddress = localAddress
    }

    deinit {
        let core = core
        core.loop.run { core.close() }
    }

    private var checked: StreamCore {
        core.assertLoop()
        return core
    }

    /// How long the peer may take without accepting a single byte before a write fails with ``IOError/timedOut``.
    package var writeTimeout: Duration {
        get { checked.writeTimeout }
        set { checked.writeTimeout = newValue }
    }

    /// Called on the loop, at most once, when the peer ends or resets the stream while no read waits for it.
    ///
    /// Setting it starts reading ahead; a peer that has sent more than the read-ahead bound is noticed later.
    package var onPeerClosed: (() -> Void)? {
        get { checked.onPeerClosed }
        set { checked.setPeerClosedHandler(newValue) }
    }

    /// Whether the peer has ended (FIN) or reset its direction; bytes that came before may still wait to be read.
    package var isPeerClosed: Bool { checked.isEnded }

    /// Whether the peer has reset the connection: nobody is left to write to.
    package var isPeerReset: Bool { checked.readError == .connectionReset }

    /// Whether ``close()`` was called or the stream failed.
    package var isClosed: Bool { checked.isClosed }

    /// The next bytes, at most 64 KiB, as soon as there are any; nil when the peer has ended.
    ///
    /// One task reads at a time. Cancellation ends the wait with ``IOError/cancelled`` and loses no byte.
    package func read() async throws(IOError) -> [UInt8]? {
        if let ready = core.takePending() { return ready }
        return try await core.wait(until: nil)
    }

    /// As ``read()``, but fails with ``IOError/timedOut`` when nothing has come until `deadline`.
    package func read(until deadline: LoopInstant) async throws(IOError) -> [UInt8]? {
        if let ready = core.takePending() { return ready }
        return try await core.wait(until: deadline)
    }

    /// As ``read(until:)``, but cancellation does not end the wait: only bytes, the end, the deadline or ``close()`` do.
    package func readUnlessClosed(until deadline: LoopInstant) async throws(IOError) -> [UInt8]? {
        if let ready = core.takePending() { return ready }
        return try await core.waitUntilClosed(until: deadline)
    }

    /// Gives the room of bytes that were read back to the loop, for the next read; leaves none.
    package func giveBack(_ bytes: inout [UInt8]) {
        core.assertLoop()
        loop.giveBack(&bytes)
    }

    /// What has been read ahead, without waiting; nil when there is nothing yet.
    package func readAvailable() -> [UInt8]? {
        core.takePending()
    }

    /// Hands everything that arrives to `handler`, on the loop, and then once to `ended` how it ended: nil is the peer's
    /// end. In the place of readers, for a stream that is read as long as it lives: it needs no task. ``close()`` ends it
    /// without a word, and lets go of both.
    package func deliver(to handler: @escaping ([UInt8]) -> Void, ended: @escaping (IOError?) -> Void) {
        core.deliver(handler, ended: ended)
    }

    /// Holds ``deliver(to:ended:)`` back, so that the peer is held back too, or lets it go on.
    package func holdDelivery(_ isHeld: Bool) {
        core.holdDelivery(isHeld)
    }

    /// Gives bytes back: the next read returns them first. For a protocol that read past its end.
    package func unread(_ bytes: some Collection<UInt8>) {
        core.putBack(bytes)
    }

    /// Hands `bytes` to the kernel, at once if it takes them all; else suspends until it has.
    ///
    /// Several writes keep their order. A cancelled write fails with ``IOError/cancelled`` while its bytes remain
    /// queued: close the stream then, for its content is cut.
    package func write(_ bytes: [UInt8]) async throws(IOError) {
        guard let request = try core.startWriting(bytes) else { return }
        try await core.finish(request)
    }

    /// A write whose bytes the kernel did not all take at once.
    package struct PendingWrite {
        fileprivate let request: WriteRequest
    }

    /// The first half of ``write(_:)``: nil when the kernel took everything, as nearly always, which then cost no
    /// suspension; else what ``finish(_:)`` waits for.
    package func begin(_ bytes: [UInt8]) throws(IOError) -> PendingWrite? {
        try core.startWriting(bytes).map { PendingWrite(request: $0) }
    }

    /// The second half of ``write(_:)``.
    package func finish(_ write: PendingWrite) async throws(IOError) {
        try await core.finish(write.request)
    }

    /// Writes what the kernel takes at once, for callers that cannot suspend; false when bytes were left over, which
    /// then go out in order by themselves.
    @discardableResult
    package func writeWithoutWaiting(_ bytes: [UInt8]) throws(IOError) -> Bool {
        try core.startWriting(bytes) == nil
    }

    /// Bytes accepted by ``write(_:)`` that the kernel has not taken yet.
    package var unsentBytes: Int { checked.unsentBytes }

    /// Whether the peer owes an acknowledgement and has given none since `instant`: it vanished without a word. One that
    /// only does not read acknowledges as before. Of a pipe nobody knows.
    package func isPeerSilent(since instant: LoopInstant) -> Bool {
        checked.isPeerSilent(for: EventLoop.preciseNow - instant)
    }

    /// From now on `engine`, whose handshake is done, stands between the wire and everybody else.
    func startTLS(_ engine: TLSEngine) {
        core.startTLS(engine)
    }

    /// Its descriptor once more, for another stream that takes over from this one.
    func duplicate() throws(IOError) -> FileDescriptor {
        try core.duplicate()
    }

    /// Tells the peer that no more bytes come, after those that are queued. A pipe is closed by it.
    package func shutdownWrite() async {
        await core.shutdownWrite()
    }

    /// Closes the stream at once and gives its descriptor back; waiting reads and writes fail with ``IOError/closed``.
    package func close() {
        core.close()
    }

    /// Ends our direction, then discards what the peer still sends for at most `limit`, then closes.
    ///
    /// A plain ``close()`` with unread input makes the kernel reset the connection, and the peer may lose the answer
    /// that it was about to read.
    package func close(lingering limit: Duration) async {
        await shutdownWrite()
        let deadline = EventLoop.preciseNow + limit
        var discarded = 0
        // An error means that there is no peer left to be polite to.
        while discarded < 1 << 24, let bytes = try? await read(until: deadline), !bytes.isEmpty {
            discarded += bytes.count
        }
        close()
    }
}
