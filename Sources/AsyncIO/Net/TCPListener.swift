import CLibUV
import Glibc
import Synchronization

/// A listening address, served by every loop of a group. (Also unix sockets, under the same name.)
///
/// Each loop has a socket of its own on the address (SO_REUSEPORT), so that the kernel spreads the connections and a
/// connection stays on the loop that accepted it. When only the reserve of ``DescriptorLimit`` is left, connections are
/// accepted and turned away: the loop does not spin and the client sees an end.
package final class TCPListener: Sendable {
    /// The address with the port that the kernel chose when 0 was asked for.
    package let boundAddress: SocketAddress
    private let sockets: [ListenerCore]
    /// Whether the socket, and its file, belong to a service manager.
    private let isInherited: Bool

    /// Listens on `address`; `accept` is called on the loop that owns the new connection, and `turnAway` with one for which
    /// there is no descriptor to spare: it closes it at once.
    package static func bind(
        _ address: SocketAddress, on group: EventLoopGroup,
        accept: @escaping @Sendable (sending ByteStream) -> Void,
        turnAway: @escaping @Sendable (sending ByteStream) -> Void = { $0.close() }
    ) async throws(IOError) -> TCPListener {
        let (descriptors, bound, isInherited) = try ListeningSockets.open(address, count: group.loops.count)
        var sockets: [ListenerCore] = []
        for (loop, descriptor) in zip(group.loops, descriptors) {
            let result = await ListenerCore.listen(descriptor, address: bound, on: loop, turnAway: turnAway, accept)
            switch result {
            case .success(let socket): sockets.append(socket)
            case .failure(let error):
                for socket in sockets { socket.closeFromAnywhere() }
                for descriptor in descriptors[(sockets.count + 1)...] { _ = Glibc.close(descriptor) }
                throw error
            }
        }
        return TCPListener(bound, sockets, isInherited: isInherited)
    }

    private init(_ address: SocketAddress, _ sockets: [ListenerCore], isInherited: Bool) {
        boundAddress = address
        self.sockets = sockets
        self.isInherited = isInherited
    }

    /// For handshakes that are under way when a listener closes. Who comes within it is lost like a packet and tries again
    /// after a second: so it is short.
    private static let handshake = Duration.milliseconds(20)

    /// Stops accepting on all loops and waits until they have closed their sockets; connections live on, and those that
    /// have begun are still accepted: the kernel resets whatever a socket holds that is closed.
    package func close() async {
        if !isInherited {
            switch boundAddress {
            case .unix(let path): _ = unsafe unlink(path)
            case .ip:
                for socket in sockets { await socket.run { $0.beginNoMore() } }
                await sockets.first?.pause(Self.handshake)
            }
        }
        for socket in sockets { await socket.run { $0.close() } }
    }
}

/// The listening socket of one loop.
// SAFETY: everything mutable is used on the loop's thread alone.
final class ListenerCore: LoopResource, @unchecked Sendable {
    private let loop: EventLoop
    private let handle: UVHandle
    private let isTCP: Bool
    private let localAddress: SocketAddress
    private let turnAway: @Sendable (sending ByteStream) -> Void
    private let accept: @Sendable (sending ByteStream) -> Void
    private var isClosed = false

    /// Takes over `descriptor`, whatever the outcome.
    static func listen(
        _ descriptor: Int32, address: SocketAddress, on loop: EventLoop,
        turnAway: @escaping @Sendable (sending ByteStream) -> Void,
        _ accept: @escaping @Sendable (sending ByteStream) -> Void
    ) async -> Result<ListenerCore, IOError> {
        await unsafe withUnsafeContinuation {
            (continuation: UnsafeContinuation<Result<ListenerCore, IOError>, Never>) in
            loop.run {
                let core = ListenerCore(address: address, on: loop, turnAway, accept)
                unsafe continuation.resume(returning: core.start(descriptor).map { core })
            }
        }
    }

    private init(
        address: SocketAddress, on loop: EventLoop, _ turnAway: @escaping @Sendable (sending ByteStream) -> Void,
        _ accept: @escaping @Sendable (sending ByteStream) -> Void
    ) {
        self.loop = loop
        self.turnAway = turnAway
        self.accept = accept
        localAddress = address
        isTCP = address.ipAddress != nil
        handle = UVHandle(isTCP ? UV_TCP : UV_NAMED_PIPE)
        initialize(handle)
        handle.attach(self)
    }

    private func start(_ descriptor: Int32) -> Result<Void, IOError> {
        var code = open(descriptor, as: handle)
        guard code == 0 else {
            _ = Glibc.close(descriptor)
            closeHere()
            return .failure(IOError(code: code))
        }
        code = unsafe uv_listen(sp_stream(handle.pointer), 1024) { handle, status in
            guard status == 0 else { return }
            unsafe UVHandle.owner(handle, as: ListenerCore.self)?.acceptOne()
        }
        guard code == 0 else {
            closeHere()
            return .failure(IOError(code: code))
        }
        return .success(())
    }

    private func acceptOne() {
        let core = makeConnection()
        guard unsafe uv_accept(sp_stream(handle.pointer), sp_stream(core.handle.pointer)) == 0 else {
            core.close()
            return
        }
        announce(core)
    }

    private var descriptor: Int32? {
        var descriptor: Int32 = -1
        return unsafe uv_fileno(sp_handle(handle.pointer), &descriptor) == 0 ? descriptor : nil
    }

    /// Lets the kernel complete what has begun, and begin nothing more.
    func beginNoMore() {
        guard !isClosed, let descriptor else { return }
        // Where there are no filters a connection may begin after the last look, and be reset.
        _ = sp_begin_no_connections(descriptor)
    }

    /// Takes the connections that the kernel has completed already: closing the socket would reset them.
    private func acceptRest() {
        guard let listening = descriptor else { return }
        for _ in 0..<Int(SOMAXCONN) {
            let descriptor = sp_accept(listening)
            guard descriptor >= 0 else { return }
            let core = makeConnection()
            if open(descriptor, as: core.handle) == 0 {
                announce(core)
            } else {
                _ = Glibc.close(descriptor)
                core.close()
            }
        }
    }

    private func makeConnection() -> StreamCore {
        let connection = UVHandle(isTCP ? UV_TCP : UV_NAMED_PIPE)
        initialize(connection)
        return StreamCore(connection, isSocket: true, on: loop)
    }

    private func initialize(_ handle: UVHandle) {
        if isTCP {
            unsafe uv_tcp_init(loop.uv, sp_tcp(handle.pointer))
        } else {
            unsafe uv_pipe_init(loop.uv, sp_pipe(handle.pointer), 0)
        }
    }

    private func open(_ descriptor: Int32, as handle: UVHandle) -> Int32 {
        unsafe isTCP
            ? uv_tcp_open(sp_tcp(handle.pointer), descriptor) : uv_pipe_open(sp_pipe(handle.pointer), descriptor)
    }

    private func announce(_ core: StreamCore) {
        var descriptor: Int32 = -1
        unsafe uv_fileno(sp_handle(core.handle.pointer), &descriptor)
        let remote = isTCP ? SocketAddress.remote(of: descriptor) : localAddress
        let local = isTCP ? SocketAddress.local(of: descriptor) : localAddress
        let stream = ByteStream(core, remoteAddress: remote, localAddress: local)
        if DescriptorLimit.isInReserve(descriptor) { turnAway(stream) } else { accept(stream) }
    }

    private func closeHere() {
        guard !isClosed else { return }
        isClosed = true
        handle.close()
    }

    func closeFromAnywhere() {
        loop.run { self.closeHere() }
    }

    /// Accepts what there is, and closes.
    func close() {
        if !isClosed { acceptRest() }
        closeHere()
    }

    /// Runs `work` on the loop of this socket.
    func run(_ work: @escaping @Sendable (ListenerCore) -> Void) async {
        await unsafe withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            loop.run {
                work(self)
                unsafe continuation.resume()
            }
        }
    }

    /// Waits; not where the task is cancelled, whose owner is in a hurry.
    func pause(_ duration: Duration) async { try? await loop.sleep(for: duration) }

    func loopWillStop() {
        closeHere()
    }
}
