import Foundation
import Glibc
import Synchronization

/// A listener that nobody should reach: on every address of this machine, of both versions, and it counts.
package final class CanaryServer: Sendable {
    private let listener: Int32
    private let count = Atomic(0)
    package let port: Int

    /// Listens on a free port.
    package init() throws {
        port = try FreePort.find()
        listener = socket(AF_INET6, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var off: Int32 = 0
        unsafe setsockopt(listener, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &off, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = in_port_t(truncatingIfNeeded: port).bigEndian
        let bound = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in6>.size))
            }
        }
        guard listener >= 0, bound == 0, listen(listener, 64) == 0 else { throw PlainConnectionError.connect(errno) }
        Thread.detachNewThread { [weak self, listener] in
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { break }
                self?.count.add(1, ordering: .relaxed)
                Glibc.close(client)
            }
            Glibc.close(listener)
        }
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    /// Connections so far.
    package var accepted: Int { count.load(ordering: .relaxed) }
}
