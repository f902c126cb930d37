import CLibUV
import Glibc

/// Name resolution by the system's resolver (`getaddrinfo`), off the loops.
package enum Resolver {
    /// A name that has no address.
    package struct Failure: Error, Sendable, CustomStringConvertible {
        package let host: String
        package let description: String
    }

    /// All addresses of `host`, in the resolver's order and without repetitions. Numeric hosts are not looked up.
    package static func addresses(of host: String, port: Int) async throws -> [SocketAddress] {
        if let address = IPAddress(host) { return [.ip(address, port: port)] }
        guard !host.utf8.contains(0), host.utf8.count <= 253 else {
            throw Failure(host: host, description: "not a host name")
        }
        return try await BlockingExecutor.shared.run { try lookUp(host, port: port) }
    }

    private static func lookUp(_ host: String, port: Int) throws -> [SocketAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else {
            throw Failure(host: host, description: unsafe gai_strerror(code).map { unsafe String(cString: $0) } ?? "")
        }
        defer { unsafe freeaddrinfo(list) }
        var found: [SocketAddress] = []
        var next = unsafe list
        while let entry = unsafe next {
            if let address = unsafe read(entry.pointee)?.with(port: port), !found.contains(address) {
                found.append(address)
            }
            unsafe next = unsafe entry.pointee.ai_next
        }
        return found
    }

    private static func read(_ entry: addrinfo) -> SocketAddress? {
        guard let address = unsafe entry.ai_addr else { return nil }
        var storage = sockaddr_storage()
        let length = unsafe min(Int(entry.ai_addrlen), MemoryLayout<sockaddr_storage>.size)
        unsafe withUnsafeMutableBytes(of: &storage) { target in
            unsafe target.copyMemory(from: UnsafeRawBufferPointer(start: address, count: length))
        }
        return SocketAddress(&storage)
    }
}
