import CLibUV
import Glibc
import Synchronization

/// Listening sockets that a service manager opened before it started us (`LISTEN_FDS`, sd_listen_fds(3)).
///
/// They let a gateway without privileges serve port 443, and keep new connections waiting while it is restarted.
package enum InheritedSockets {
    /// A manager that hands over more than this has something else in mind.
    private static let maximum: Int32 = 64
    private static let first: Int32 = 3

    // Filled at the first use, taken from after that: a `Mutex`, because listeners may start from any task.
    private static let waiting = Mutex<[(address: SocketAddress, descriptor: Int32)]?>(nil)

    /// The addresses of those that nobody took.
    package static var unused: [SocketAddress] {
        withWaiting { sockets in sockets.map { $0.address } }
    }

    /// The socket that listens at `address`, or for IPv4's every address at IPv6's: one of systemd's hears both. Nil when
    /// there is none; whoever takes it owns it.
    static func take(_ address: SocketAddress) -> Int32? {
        withWaiting { sockets in
            let index =
                sockets.firstIndex { $0.address == address } ?? sockets.firstIndex { isEvery($0.address, address) }
            return index.map { sockets.remove(at: $0).descriptor }
        }
    }

    private static func isEvery(_ one: SocketAddress, _ other: SocketAddress) -> Bool {
        guard let mine = one.ipAddress, let theirs = other.ipAddress else { return false }
        return mine.isUnspecified && theirs.isUnspecified && one.port == other.port && mine.bitWidth == 128
    }

    private static func withWaiting<Result>(
        _ body: (inout [(address: SocketAddress, descriptor: Int32)]) -> Result
    ) -> Result {
        waiting.withLock { state in
            var sockets = state ?? adopted()
            defer { state = sockets }
            return body(&sockets)
        }
    }

    /// What was handed to this very process, and not to one that it descends from.
    private static func adopted() -> [(address: SocketAddress, descriptor: Int32)] {
        guard let process = Environment["LISTEN_PID"], process == String(getpid()),
            let count = Environment["LISTEN_FDS"].flatMap({ Int32($0) }), (1...maximum).contains(count)
        else { return [] }
        return (first..<(first + count)).compactMap { descriptor in
            // Children are nobody's listeners.
            guard sp_set_cloexec(descriptor, 1) == 0, isListening(descriptor),
                let address = SocketAddress.local(of: descriptor)
            else { return nil }
            return (address, descriptor)
        }
    }

    private static func isListening(_ descriptor: Int32) -> Bool {
        option(SO_ACCEPTCONN, of: descriptor) == 1 && option(SO_TYPE, of: descriptor) == Int32(SOCK_STREAM.rawValue)
    }

    private static func option(_ name: Int32, of descriptor: Int32) -> Int32? {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return unsafe getsockopt(descriptor, SOL_SOCKET, name, &value, &length) == 0 ? value : nil
    }
}
