import CLibUV
import Glibc

extension SocketAddress {
    /// Calls `body` with the address in the kernel's form.
    func withSystemAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        var storage = sockaddr_storage()
        let length = fill(&storage)
        return unsafe withUnsafePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, length) }
        }
    }

    private func fill(_ storage: inout sockaddr_storage) -> socklen_t {
        unsafe withUnsafeMutableBytes(of: &storage) { raw in
            switch self {
            case .ip(let address, let port):
                let family = sa_family_t(address.bitWidth == 128 ? AF_INET6 : AF_INET)
                unsafe raw.storeBytes(of: family, as: sa_family_t.self)
                unsafe raw.storeBytes(of: UInt16(truncatingIfNeeded: port).bigEndian, toByteOffset: 2, as: UInt16.self)
                // sockaddr_in has the address behind the port, sockaddr_in6 the flow label between them.
                unsafe UnsafeMutableRawBufferPointer(rebasing: raw[(address.bitWidth == 128 ? 8 : 4)...])
                    .copyBytes(from: address.networkBytes)
                return socklen_t(
                    address.bitWidth == 128 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size)
            case .unix(let path):
                unsafe raw.storeBytes(of: sa_family_t(AF_UNIX), as: sa_family_t.self)
                let bytes = path.utf8.prefix(107)
                unsafe UnsafeMutableRawBufferPointer(rebasing: raw[2...]).copyBytes(from: bytes)
                return socklen_t(2 + bytes.count + 1)
            }
        }
    }

    /// Reads the kernel's form; nil for families that are not ours.
    init?(_ storage: inout sockaddr_storage) {
        let parsed: SocketAddress? = unsafe withUnsafeBytes(of: &storage) { raw in
            switch Int32(unsafe raw.loadUnaligned(as: sa_family_t.self)) {
            case AF_INET:
                let port = UInt16(bigEndian: unsafe raw.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
                let address = UInt32(bigEndian: unsafe raw.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
                return .ip(.v4(address), port: Int(port))
            case AF_INET6:
                let port = UInt16(bigEndian: unsafe raw.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
                let high = UInt64(bigEndian: unsafe raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
                let low = UInt64(bigEndian: unsafe raw.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
                return .ip(.v6(high: high, low: low), port: Int(port))
            case AF_UNIX:
                let path = unsafe raw[2...].prefix(while: { $0 != 0 })
                return unsafe .unix(path: String(decoding: path, as: UTF8.self))
            default:
                return nil
            }
        }
        guard let parsed else { return nil }
        self = parsed
    }

    /// The address of our end of a socket.
    static func local(of descriptor: Int32) -> SocketAddress? {
        unsafe read { unsafe getsockname(descriptor, $0, $1) }
    }

    /// The address of the other end of a socket.
    static func remote(of descriptor: Int32) -> SocketAddress? {
        unsafe read { unsafe getpeername(descriptor, $0, $1) }
    }

    private static func read(
        _ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> SocketAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe call($0, &length) }
        }
        guard result == 0 else { return nil }
        return SocketAddress(&storage)
    }
}
