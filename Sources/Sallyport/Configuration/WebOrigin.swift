/// `scheme://host[:port]` as an operator writes it (RFC 6454 §6.2): no path, no query, no user, lower case.
struct WebOrigin: Sendable, Hashable, CustomStringConvertible {
    /// `http` or `https`.
    let scheme: String
    /// A name or an address; an IPv6 address in brackets.
    let host: String
    /// The port when it is not the scheme's own.
    let port: Int?

    var description: String { "\(scheme)://\(host)" + (port.map { ":\($0)" } ?? "") }

    /// Whether only programs on this machine can reach the host.
    var isLoopback: Bool {
        host == "localhost" || host.hasSuffix(".localhost") || host == "[::1]"
            || (host.hasPrefix("127.") && host.utf8.allSatisfy { $0 == UInt8(ascii: ".") || Self.isDigit($0) })
    }

    /// Why a text is not an origin.
    enum ParseError: Error, Equatable {
        case scheme, host, port
        /// Something follows the host and port.
        case tail
    }

    init(parsing text: String) throws(ParseError) {
        let lowered = text.lowercased()
        guard let scheme = ["https", "http"].first(where: { lowered.hasPrefix("\($0)://") }) else { throw .scheme }
        let authority = Substring(lowered.dropFirst(scheme.count + 3))
        guard !authority.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") }),
            !authority.contains("#")
        else { throw .tail }
        let (host, portText) = Self.split(authority)
        guard Self.isHost(host) else { throw .host }
        self.scheme = scheme
        self.host = String(host)
        guard let portText else {
            port = nil
            return
        }
        guard let number = Units.integer(portText), (1...65_535).contains(number) else { throw .port }
        port = number == (scheme == "https" ? 443 : 80) ? nil : Int(number)
    }

    private static func split(_ authority: Substring) -> (host: Substring, port: Substring?) {
        let afterHost = authority.hasPrefix("[") ? authority.drop { $0 != "]" }.dropFirst() : authority[...]
        guard let colon = afterHost.firstIndex(of: ":") else { return (authority, nil) }
        return (authority[..<colon], authority[authority.index(after: colon)...])
    }

    private static func isHost(_ host: Substring) -> Bool {
        guard !host.isEmpty, host.utf8.count <= 253 else { return false }
        if host.hasPrefix("[") {
            return host.hasSuffix("]") && host.utf8.count > 4
                && host.dropFirst().dropLast().utf8.allSatisfy {
                    isDigit($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0) || $0 == UInt8(ascii: ":")
                        || $0 == UInt8(ascii: ".")
                }
        }
        return host.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            !label.isEmpty && label.utf8.count <= 63 && !label.hasPrefix("-") && !label.hasSuffix("-")
                && label.utf8.allSatisfy {
                    isDigit($0) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || $0 == UInt8(ascii: "-")
                }
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
}
