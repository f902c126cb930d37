import CLibUV
import Glibc

extension ByteStream {
    /// Connects to a TCP address or a unix socket. Call it on the loop.
    package static func connect(
        to address: SocketAddress, on loop: EventLoop, within limit: Duration = .seconds(3)
    ) async throws(IOError) -> ByteStream {
        let attempt = Connecting(to: address, on: loop)
        let result: Result<Void, IOError> = await unsafe suspend {
            unsafe attempt.start(within: limit, $0)
        } onCancel: {
            loop.execute { attempt.fail(.cancelled) }
        }
        try result.get()
        return attempt.makeStream()
    }
}

/// One connection attempt.
// SAFETY: used on the loop's thread alone, which `start` checks; libuv holds one reference until its callback.
@safe private final class Connecting: @unchecked Sendable {
    private let address: SocketAddress
    private let core: StreamCore
    private let request: UnsafeMutablePointer<uv_connect_t>
    private var continuation: UnsafeContinuation<Result<Void, IOError>, Never>?
    private var timer: LoopTimer?

    init(to address: SocketAddress, on loop: EventLoop) {
        precondition(loop.inEventLoop, "connections are made on their loop")
        self.address = address
        unsafe request = .allocate(capacity: 1)
        let isTCP = address.ipAddress != nil
        let handle = UVHandle(isTCP ? UV_TCP : UV_NAMED_PIPE)
        if isTCP {
            unsafe uv_tcp_init(loop.uv, sp_tcp(handle.pointer))
        } else {
            unsafe uv_pipe_init(loop.uv, sp_pipe(handle.pointer), 0)
        }
        core = StreamCore(handle, isSocket: true, on: loop)
    }

    deinit {
        unsafe request.deallocate()
    }

    func start(within limit: Duration, _ continuation: UnsafeContinuation<Result<Void, IOError>, Never>) {
        unsafe self.continuation = unsafe continuation
        timer = core.loop.scheduled(after: limit) { self.fail(.timedOut) }
        unsafe sp_set_request_data(request, Unmanaged.passRetained(self).toOpaque())
        let code = submit()
        if code != 0 {
            unsafe Unmanaged.passUnretained(self).release()
            fail(IOError(code: code))
        }
    }

    private func submit() -> Int32 {
        let completed: uv_connect_cb = { request, status in
            guard let request = unsafe request, let data = unsafe sp_request_data(request) else { return }
            unsafe Unmanaged<Connecting>.fromOpaque(data).takeRetainedValue().completed(status)
        }
        switch address {
        case .ip:
            unsafe uv_tcp_nodelay(sp_tcp(core.handle.pointer), 1)
            return unsafe address.withSystemAddress { address, _ in
                unsafe uv_tcp_connect(request, sp_tcp(core.handle.pointer), address, completed)
            }
        case .unix(let path):
            unsafe uv_pipe_connect(request, sp_pipe(core.handle.pointer), path, completed)
            return 0
        }
    }

    private func completed(_ status: Int32) {
        if status == 0 { finish(.success(())) } else { fail(IOError(code: status)) }
    }

    func fail(_ error: IOError) {
        guard unsafe continuation != nil else { return }
        core.close()
        finish(.failure(error))
    }

    private func finish(_ result: Result<Void, IOError>) {
        timer = nil
        guard let continuation = unsafe continuation else { return }
        unsafe self.continuation = nil
        unsafe continuation.resume(returning: result)
    }

    func makeStream() -> ByteStream {
        var descriptor: Int32 = -1
        unsafe uv_fileno(sp_handle(core.handle.pointer), &descriptor)
        return ByteStream(core, remoteAddress: address, localAddress: SocketAddress.local(of: descriptor))
    }
}
