import Glibc

/// Whoever started this process as a service and wants to hear how it fares: systemd, or what speaks like it (sd_notify(3)).
package enum ServiceManager {
    /// Whether there is one that listens (`NOTIFY_SOCKET`).
    package static var isListening: Bool { address != nil }

    /// Tells it assignments like `READY=1`, one a line. Nothing happens where nobody listens; a manager that does not take
    /// it now is an error, and nobody waits for it.
    package static func tell(_ state: String) throws(IOError) {
        guard let address else { return }
        let type = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { throw .last }
        defer { _ = close(descriptor) }
        let bytes = Array(state.utf8)
        let sent = unsafe withSystemAddress(address) { target, length in
            unsafe bytes.withUnsafeBytes {
                unsafe sendto(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL), target, length)
            }
        }
        guard sent == bytes.count else { throw .last }
    }

    /// The name of its socket as the kernel writes it: a path, or behind a NUL a name in no folder.
    private static var address: [UInt8]? {
        guard let text = Environment["NOTIFY_SOCKET"] else { return nil }
        var name = Array(text.utf8)
        // sun_path holds 108 bytes; other kinds of sockets (vsock:) are for virtual machines.
        guard (2...107).contains(name.count), name[0] == UInt8(ascii: "/") || name[0] == UInt8(ascii: "@") else {
            return nil
        }
        if name[0] == UInt8(ascii: "@") { name[0] = 0 }
        return name
    }

    private static func withSystemAddress<Result>(
        _ name: [UInt8], _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var storage = sockaddr_storage()
        unsafe withUnsafeMutableBytes(of: &storage) { raw in
            unsafe raw.storeBytes(of: sa_family_t(AF_UNIX), as: sa_family_t.self)
            unsafe UnsafeMutableRawBufferPointer(rebasing: raw[2...]).copyBytes(from: name)
        }
        return unsafe withUnsafePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(2 + name.count))
            }
        }
    }
}
