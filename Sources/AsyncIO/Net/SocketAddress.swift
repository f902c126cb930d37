/// Where a socket listens or connects: an IP address and port, or the path of a unix socket.
package enum SocketAddress: Hashable, Sendable {
    case ip(IPAddress, port: Int)
    case unix(path: String)

    /// A text that is no address.
    package struct ParseError: Error, Equatable, CustomStringConvertible {
        package let text: String

        package init(text: String) {
            self.text = text
        }

        package var description: String { "not an address: \(text)" }
    }

    /// From the text of an IP address (without brackets) and a port of 0…65535.
    package init(ip: String, port: Int) throws(ParseError) {
        guard let address = IPAddress(ip), (0...65_535).contains(port) else {
            throw ParseError(text: "\(ip):\(port)")
        }
        self = .ip(address, port: port)
    }

    /// `127.0.0.1:8080`, `[::1]:8080` or `unix:/path`.
    package init(parsing text: String) throws(ParseError) {
        let bytes = Array(text.utf8)
        if bytes.starts(with: "unix:".utf8) {
            let path = bytes.dropFirst(5)
            // sun_path holds 107 bytes and a NUL.
            guard (1...107).contains(path.count), !path.contains(0) else { throw ParseError(text: text) }
            self = .unix(path: String(decoding: path, as: UTF8.self))
            return
        }
        guard let colon = bytes.lastIndex(of: UInt8(ascii: ":")),
            let port = IPAddress.parseDecimal(bytes[(colon + 1)...], maximum: 65_535)
        else { throw ParseError(text: text) }
        var host = bytes[..<colon]
        if host.first == UInt8(ascii: "["), host.last == UInt8(ascii: "]"), host.count >= 2 {
            host = host.dropFirst().dropLast()
            guard let address = IPAddress(bytes: Array(host)), address.bitWidth == 128 else {
                throw ParseError(text: text)
            }
            self = .ip(address, port: port)
        } else {
            guard let address = IPAddress.parseDottedQuad(host) else { throw ParseError(text: text) }
            self = .ip(.v4(address), port: port)
        }
    }

    /// The text of the IP address; empty for a unix socket.
    package var ip: String { ipAddress?.description ?? "" }

    /// The IP address, if it has one.
    package var ipAddress: IPAddress? {
        if case .ip(let address, _) = self { return address }
        return nil
    }

    /// The port; 0 for a unix socket.
    package var port: Int {
        if case .ip(_, let port) = self { return port }
        return 0
    }

    /// Whether only processes of this machine reach it.
    package var isLoopback: Bool { ipAddress?.isLoopback ?? true }

    /// The same address with another port.
    package func with(port: Int) -> SocketAddress {
        if case .ip(let address, _) = self { return .ip(address, port: port) }
        return self
    }
}

extension SocketAddress: CustomStringConvertible {
    package var description: String {
        switch self {
        case .ip(let address, let port): address.bitWidth == 128 ? "[\(address)]:\(port)" : "\(address):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}
