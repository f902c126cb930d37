import Glibc
import TestSupport

/// A listener whose queue is full: the kernel drops what asks to connect, and nobody is told.
final class FullListener {
    let port: Int
    private var descriptors: [Int32] = []

    /// Listens on 127.0.0.1, accepts nothing, and fills its own queue.
    init() throws {
        port = try FreePort.find()
        let listener = open()
        guard unsafe call({ unsafe bind(listener, $0, $1) }) == 0, listen(listener, 0) == 0 else {
            throw PlainConnectionError.connect(errno)
        }
        for _ in 0..<8 {
            let client = open()
            // Whether it fits or has to wait: it stays.
            _ = unsafe call { unsafe connect(client, $0, $1) }
        }
    }

    deinit { for descriptor in descriptors { close(descriptor) } }

    private func open() -> Int32 {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(AF_INET, kind, 0)
        descriptors.append(descriptor)
        return descriptor
    }

    private func call(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(truncatingIfNeeded: port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
