import CLibUV
import Crypto
import Glibc

/// The part of a stream that libuv keeps alive until the handle is closed.
// SAFETY: used on the loop's thread alone; `assertLoop` checks it at every entry.
@safe final class StreamCore: LoopResource, @unchecked Sendable {
    typealias ReadResult = Result<[UInt8]?, IOError>

    let loop: EventLoop
    let handle: UVHandle
    /// shutdown(2) is for sockets; a pipe ends by being closed.
    let isSocket: Bool

    // Reading.
    var pending: [UInt8] = []
    var isReading = false
    var isEnded = false
    var readError: IOError?
    var reader: UnsafeContinuation<ReadResult, Never>?
    var readTicket: UInt64 = 0
    var readDeadline: LoopInstant?
    var readTimer: LoopTimer?
    var readTimerDue: LoopInstant?
    var onPeerClosed: (() -> Void)?
    /// Takes everything that arrives, instead of readers.
    var onBytes: (([UInt8]) -> Void)?

    /// Stands between the wire and everybody else once the handshake is done; nil in the clear.
    var tls: TLSEngine?

    // Writing.
    var writeTimeout: Duration = .seconds(60)
    var writeError: IOError?
    var queuedWrites = 0
    var stallTimer: LoopTimer?
    var unsentAtLastLook = 0

    private(set) var isClosed = false

    /// Takes over an initialised handle.
    init(_ handle: UVHandle, isSocket: Bool, on loop: EventLoop) {
        self.loop = loop
        self.handle = handle
        self.isSocket = isSocket
        handle.attach(self)
    }

    /// A stream on a pipe or unix socket that is open already; takes over the descriptor, whatever the outcome.
    static func open(_ descriptor: Int32, isSocket: Bool, on loop: EventLoop) throws(IOError) -> StreamCore {
        let handle = UVHandle(UV_NAMED_PIPE)
        unsafe uv_pipe_init(loop.uv, sp_pipe(handle.pointer), 0)
        let core = StreamCore(handle, isSocket: isSocket, on: loop)
        let code = unsafe uv_pipe_open(sp_pipe(handle.pointer), descriptor)
        guard code == 0 else {
            _ = Glibc.close(descriptor)
            core.close()
            throw IOError(code: code)
        }
        return core
    }

    func assertLoop() {
        precondition(loop.inEventLoop, "a stream is used on its loop only")
    }

    var unsentBytes: Int {
        isClosed ? 0 : unsafe uv_stream_get_write_queue_size(sp_stream(handle.pointer))
    }

    func isPeerSilent(for time: Duration) -> Bool {
        var descriptor: Int32 = -1
        guard !isClosed, unsafe uv_fileno(sp_handle(handle.pointer), &descriptor) == 0 else { return false }
        let ago = sp_acknowledged_ago(descriptor)
        return ago >= 0 && Duration.milliseconds(ago) >= time
    }

    func close() {
        assertLoop()
        // What is queued is cut: then nothing is in order.
        if !isClosed, queuedWrites == 0 { endTLS() }
        close(because: .closed)
    }

    /// Closes the handle; libuv then calls back every queued write, which fails with `reason`.
    func close(because reason: IOError) {
        guard !isClosed else { return }
        isClosed = true
        isReading = false
        if writeError == nil { writeError = reason }
        if readError == nil { readError = reason }
        readTimer = nil
        stallTimer = nil
        onPeerClosed = nil
        onBytes = nil
        tls = nil
        handle.close()
        finishReader(.failure(reason))
    }

    func loopWillStop() {
        close()
    }
}
