import HTTP

/// An absolute URI taken apart byte by byte (RFC 3986 §3), without repairing anything: what is odd is refused.
///
/// Foundation's parsers decode and fold on the way; at a trust boundary two readings of one address are a hole.
package struct AbsoluteURI: Sendable, Hashable {
    /// The whole, as it came.
    package let text: String
    /// As written; compare with `hasScheme`.
    package let scheme: String
    /// As written, brackets of an IPv6 literal included; nil where there is no authority.
    package let host: String?
    /// The digits after the host's colon; nil where there are none.
    package let port: Int?
    /// Starts with `/` or is empty where there is an authority.
    package let path: String
    /// What follows `?`.
    package let query: String?
    /// Whether a `#` stands in it.
    package let hasFragment: Bool
    /// Whether the authority holds `user@`.
    package let hasUserInformation: Bool
    /// `scheme://host[:port]` in lower case without a default port. Nil for what is not http or https, and where the
    /// HTTP module, whose reading of an address is the one that counts, does not take it for one.
    package let origin: String?

    /// Longest address that is read.
    package static let maximumBytes = 2048

    /// Nil where `text` is not an absolute URI of visible ASCII.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard (3...Self.maximumBytes).contains(bytes.count), bytes.allSatisfy(Self.isAllowed),
            Self.percentEncodingIsWhole(bytes), let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon > 0,
            Self.isLetter(bytes[0]), bytes[..<colon].allSatisfy(Self.isSchemeByte)
        else { return nil }
        self.text = text
        origin = try? HTTPURL(text).origin  // what it does not read has no origin
        scheme = String(decoding: bytes[..<colon], as: UTF8.self)
        var rest = bytes[(colon + 1)...]
        hasFragment = rest.contains(UInt8(ascii: "#"))
        rest = rest.prefix { $0 != UInt8(ascii: "#") }
        if let mark = rest.firstIndex(of: UInt8(ascii: "?")) {
            query = String(decoding: rest[(mark + 1)...], as: UTF8.self)
            rest = rest[..<mark]
        } else {
            query = nil
        }
        guard rest.starts(with: "//".utf8) else {
            (host, port, hasUserInformation) = (nil, nil, false)
            path = String(decoding: rest, as: UTF8.self)
            return
        }
        rest = rest.dropFirst(2)
        let authority = rest[..<(rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.endIndex)]
        path = String(decoding: rest[authority.endIndex...], as: UTF8.self)
        hasUserInformation = authority.contains(UInt8(ascii: "@"))
        guard let (host, port) = Self.split(authority) else { return nil }
        self.host = host
        self.port = port
    }

    private static func split(_ authority: ArraySlice<UInt8>) -> (host: String, port: Int?)? {
        let afterUser = authority.lastIndex(of: UInt8(ascii: "@")).map { authority[($0 + 1)...] } ?? authority
        var host = afterUser
        var portText: ArraySlice<UInt8>?
        if afterUser.first == UInt8(ascii: "[") {
            guard let end = afterUser.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            host = afterUser[...end]
            let rest = afterUser[(end + 1)...]
            guard rest.isEmpty || rest.first == UInt8(ascii: ":") else { return nil }
            portText = rest.isEmpty ? nil : rest.dropFirst()
        } else if let colon = afterUser.firstIndex(of: UInt8(ascii: ":")) {
            host = afterUser[..<colon]
            portText = afterUser[(colon + 1)...]
        }
        let name = String(decoding: host, as: UTF8.self)
        guard let portText else { return (name, nil) }
        guard (1...5).contains(portText.count), portText.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        let port = portText.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        return port <= 65_535 ? (name, port) : nil
    }

    /// Whether the scheme is `expected`, which is lower-case; schemes have no case.
    package func hasScheme(_ expected: StaticString) -> Bool {
        scheme.utf8.count == expected.utf8CodeUnitCount
            && scheme.utf8.map(Self.lowercased).elementsEqual(expected.description.utf8)
    }

    /// `http` or `https`.
    package var isHTTP: Bool { hasScheme("http") || hasScheme("https") }

    static func lowercased(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }

    // Visible ASCII without what RFC 3986 excludes; `\` would be read as `/` by browsers.
    private static func isAllowed(_ byte: UInt8) -> Bool {
        guard byte > 0x20, byte < 0x7F else { return false }
        return !"\"<>\\^`{|}".utf8.contains(byte)
    }

    private static func percentEncodingIsWhole(_ bytes: [UInt8]) -> Bool {
        let isHexadecimal = { (byte: UInt8) in
            (0x30...0x39).contains(byte) || (0x41...0x46).contains(byte) || (0x61...0x66).contains(byte)
        }
        for (position, byte) in bytes.enumerated() where byte == UInt8(ascii: "%") {
            guard position + 2 < bytes.count, isHexadecimal(bytes[position + 1]), isHexadecimal(bytes[position + 2])
            else { return false }
        }
        return true
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }

    private static func isSchemeByte(_ byte: UInt8) -> Bool {
        isLetter(byte) || (0x30...0x39).contains(byte) || byte == 0x2B || byte == 0x2D || byte == 0x2E
    }
}
