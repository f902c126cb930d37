import Foundation
import Glibc

/// What went wrong on a plain connection.
package enum PlainConnectionError: Error, Equatable {
    case connect(Int32)
    case write(Int32)
    case read(Int32)
    case timedOut
    case closed
    case malformed(String)
}

/// A blocking TCP connection that writes exactly the bytes it is told: an HTTP client that repairs nothing.
///
/// For tests, from a thread (`onThread`): every wait ends at the timeout.
package final class PlainConnection {
    private let descriptor: Int32
    private var pending: [UInt8] = []

    /// `source` is the address that the connection comes from; nil for the kernel's choice.
    package init(port: Int, address: String = "127.0.0.1", from source: String? = nil, timeout: Double = 10) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw PlainConnectionError.connect(errno) }
        let seconds = Int(timeout)
        var limit = timeval(tv_sec: seconds, tv_usec: Int((timeout - Double(seconds)) * 1_000_000))
        let size = socklen_t(MemoryLayout<timeval>.size)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
        var one: Int32 = 1
        unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        let isBound = source.map { unsafe Self.apply(bind, descriptor, $0, port: 0) == 0 } ?? true
        guard isBound, unsafe Self.apply(connect, descriptor, address, port: port) == 0 else {
            let code = errno
            Glibc.close(descriptor)
            throw PlainConnectionError.connect(code)
        }
    }

    /// `bind` or `connect`.
    private static func apply(
        _ call: (Int32, UnsafePointer<sockaddr>?, socklen_t) -> Int32, _ descriptor: Int32, _ address: String, port: Int
    ) -> Int32 {
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = in_port_t(truncatingIfNeeded: port).bigEndian
        target.sin_addr.s_addr = unsafe inet_addr(address)
        return unsafe withUnsafePointer(to: &target) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe call(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    deinit { Glibc.close(descriptor) }

    /// Writes all of `bytes`.
    package func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw PlainConnectionError.write(errno) }
            sent += count
        }
    }

    package func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// No more bytes will be written; reading goes on.
    package func shutdownWrite() { Glibc.shutdown(descriptor, Int32(SHUT_WR)) }

    /// Ends both directions in order.
    package func shutdown() { Glibc.shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// Our port.
    package var localPort: Int {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = unsafe getsockname(descriptor, $0, &size)
            }
        }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// Closes with a reset instead of an orderly end.
    package func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        Glibc.shutdown(descriptor, Int32(SHUT_RDWR))
    }

    /// The next bytes; nil at the end of the stream.
    package func receive() throws -> [UInt8]? {
        if !pending.isEmpty {
            defer { pending = [] }
            return pending
        }
        var buffer = [UInt8](repeating: 0, count: 65536)
        let count = unsafe buffer.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
        if count == 0 { return nil }
        guard count > 0 else {
            throw errno == EAGAIN || errno == EWOULDBLOCK ? PlainConnectionError.timedOut : .read(errno)
        }
        return Array(buffer[0..<count])
    }

    /// Everything until the peer closes.
    package func receiveAll() throws -> [UInt8] {
        var all: [UInt8] = []
        while let bytes = try receive() { all += bytes }
        return all
    }

    /// One line without its CR LF.
    package func receiveLine() throws -> String {
        var line: [UInt8] = []
        while true {
            if let end = pending.firstIndex(of: 10) {
                line += pending[..<end]
                pending.removeFirst(end + 1)
                if line.last == 13 { line.removeLast() }
                return String(decoding: line, as: UTF8.self)
            }
            line += pending
            pending = []
            guard let more = try receive() else { throw PlainConnectionError.closed }
            pending = more
        }
    }

    /// Exactly `count` bytes.
    package func receive(exactly count: Int) throws -> [UInt8] {
        var bytes = pending
        pending = []
        while bytes.count < count {
            guard let more = try receive() else { throw PlainConnectionError.closed }
            bytes += more
        }
        pending = Array(bytes[count...])
        return Array(bytes[..<count])
    }
}
