import CLibUV
import Glibc

/// Sockets bound to one address, one for each loop, not yet listening.
enum ListeningSockets {
    /// The descriptors and the address with its real port. Those of a service manager are duplicates of the one that it
    /// handed over, and stay its own.
    static func open(_ address: SocketAddress, count: Int) throws(IOError) -> (
        descriptors: [Int32], bound: SocketAddress, isInherited: Bool
    ) {
        if let inherited = InheritedSockets.take(address) {
            if address.ipAddress != nil { prepareConnections(of: inherited) }
            return (try share(inherited, count: count), address, true)
        }
        switch address {
        case .ip:
            let (descriptors, bound) = try openTCP(address, count: count)
            return (descriptors, bound, false)
        case .unix(let path): return (try openUnix(address, path: path, count: count), address, false)
        }
    }

    private static func openTCP(
        _ address: SocketAddress, count: Int
    ) throws(IOError) -> (descriptors: [Int32], bound: SocketAddress) {
        // With SO_REUSEPORT alone a second gateway of the same user would silently share the port: a socket without
        // it asks first whether the port is free.
        if address.port != 0 { _ = Glibc.close(try socket(address, sharing: false)) }
        var bound = address
        var descriptors: [Int32] = []
        do throws(IOError) {
            for _ in 0..<count {
                let descriptor = try socket(bound, sharing: true)
                descriptors.append(descriptor)
                guard let actual = SocketAddress.local(of: descriptor) else { throw IOError.last }
                bound = actual
            }
        } catch {
            for descriptor in descriptors { _ = Glibc.close(descriptor) }
            throw error
        }
        return (descriptors, bound)
    }

    /// A unix socket is one; the loops share it through duplicates.
    private static func openUnix(_ address: SocketAddress, path: String, count: Int) throws(IOError) -> [Int32] {
        try removeStale(address, path: path)
        let descriptor = try socket(address, sharing: false)
        // Whoever may connect is a matter of the file's mode; by default only our user.
        _ = unsafe chmod(path, 0o600)
        return try share(descriptor, count: count)
    }

    /// `descriptor` with as many duplicates as make `count`; closes all when that fails.
    private static func share(_ descriptor: Int32, count: Int) throws(IOError) -> [Int32] {
        var descriptors = [descriptor]
        for _ in 1..<max(1, count) {
            let copy = sp_duplicate_cloexec(descriptors[0], 3)
            guard copy >= 0 else {
                let error = IOError.last
                for descriptor in descriptors { _ = Glibc.close(descriptor) }
                throw error
            }
            descriptors.append(copy)
        }
        return descriptors
    }

    /// Removes the socket file of a process that is gone; refuses when somebody still answers there.
    private static func removeStale(_ address: SocketAddress, path: String) throws(IOError) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .system(code: EEXIST) }
        let probe = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard probe >= 0 else { throw .last }
        defer { _ = Glibc.close(probe) }
        let answer = unsafe address.withSystemAddress { unsafe connect(probe, $0, $1) }
        if answer == 0 { throw .system(code: EADDRINUSE) }
        _ = unsafe unlink(path)
    }

    private static func socket(_ address: SocketAddress, sharing: Bool) throws(IOError) -> Int32 {
        let family =
            switch address {
            case .ip(let ip, _): ip.bitWidth == 128 ? AF_INET6 : AF_INET
            case .unix: AF_UNIX
            }
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = Glibc.socket(family, type, 0)
        guard descriptor >= 0 else { throw .last }
        if family != AF_UNIX {
            set(SOL_SOCKET, SO_REUSEADDR, of: descriptor)
            if sharing { set(SOL_SOCKET, SO_REUSEPORT, of: descriptor) }
            prepareConnections(of: descriptor)
        }
        let result = unsafe address.withSystemAddress { unsafe Glibc.bind(descriptor, $0, $1) }
        guard result == 0 else {
            let error = IOError.last
            _ = Glibc.close(descriptor)
            throw error
        }
        return descriptor
    }

    /// Connections inherit these from the listening socket, which saves five system calls for each.
    private static func prepareConnections(of descriptor: Int32) {
        let tcp = Int32(IPPROTO_TCP)
        set(tcp, TCP_NODELAY, of: descriptor)
        // A peer that vanished without a word is noticed after half a minute when idle, after a minute when it owes
        // acknowledgements: the same minute that a writer may stall (`ByteStream.writeTimeout`).
        set(SOL_SOCKET, SO_KEEPALIVE, of: descriptor)
        set(tcp, TCP_KEEPIDLE, 15, of: descriptor)
        set(tcp, TCP_KEEPINTVL, 5, of: descriptor)
        set(tcp, TCP_KEEPCNT, 3, of: descriptor)
        set(tcp, TCP_USER_TIMEOUT, 60_000, of: descriptor)
    }

    private static func set(_ level: Int32, _ option: Int32, _ value: Int32 = 1, of descriptor: Int32) {
        var value = value
        // An option that the kernel lacks makes a peer's loss show later, no more.
        _ = unsafe setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }
}
