package import AsyncIO

/// Why a text is not a URL of ours.
package enum HTTPURLError: Error, Hashable, Sendable {
    case scheme
    /// `user@host`: nobody needs it, and it serves to deceive.
    case userInformation
    case host
    case port
    /// A character that must be encoded, or a broken `%`.
    case character
    case tooLong
}

/// An absolute `http` or `https` URL, read from bytes strictly by RFC 3986. Nothing is repaired.
///
/// `text` stays what was given, for whoever must compare byte by byte.
package struct HTTPURL: Sendable, Hashable {
    /// The two schemes.
    package enum Scheme: String, Sendable {
        case http
        case https

        /// The port when none is given.
        package var defaultPort: Int { self == .http ? 80 : 443 }
    }

    /// A host: an address, or a name in lower case.
    package enum Host: Sendable, Hashable, CustomStringConvertible {
        case name(String)
        case address(IPAddress)

        /// As it stands in a URL: IPv6 in brackets.
        package var description: String {
            switch self {
            case .name(let name): name
            case .address(let address): address.bitWidth == 128 ? "[\(address)]" : address.description
            }
        }

        /// As certificates and resolvers have it: IPv6 without brackets.
        package var plainText: String {
            switch self {
            case .name(let name): name
            case .address(let address): address.description
            }
        }

        /// Whether whoever asks for it asks this machine: names below `localhost` too (RFC 6761 §6.3), which our client and
        /// browsers find here without asking anybody.
        package var isThisMachine: Bool {
            if case .name(let name) = self, name.hasSuffix(".localhost") { return true }
            return isLoopback
        }

        /// Whether it names this machine: `localhost` or a loopback address.
        package var isLoopback: Bool {
            switch self {
            case .name(let name): name == "localhost"
            case .address(let address): address.isLoopback
            }
        }
    }

    /// The URL as it was given.
    package let text: String
    /// `http` or `https`.
    package let scheme: Scheme
    /// The host, without its port.
    package let host: Host
    /// The port as given; nil when there is none.
    package let explicitPort: Int?
    /// As given, still encoded; empty when there is none.
    package let path: String
    /// Without `?`, still encoded; nil when there is none.
    package let query: String?
    /// Without `#`; nil when there is none.
    package let fragment: String?

    /// Reads the whole text; what is no plain URL throws the reason.
    package init(_ text: String) throws(HTTPURLError) {
        let bytes = Array(text.utf8)
        if bytes.count > 8192 { throw .tooLong }
        let (scheme, start) = try Self.parseScheme(bytes)
        let isDelimiter = { (byte: UInt8) in "/?#".utf8.contains(byte) }
        let authorityEnd = bytes[start...].firstIndex(where: isDelimiter) ?? bytes.endIndex
        let authority = bytes[start..<authorityEnd]
        if authority.contains(UInt8(ascii: "@")) { throw .userInformation }
        (host, explicitPort) = try HTTPAuthority.parse(authority)

        var rest = bytes[authorityEnd...]
        fragment = try Self.cut(&rest, at: UInt8(ascii: "#"))
        query = try Self.cut(&rest, at: UInt8(ascii: "?"))
        // `;` is legal here though our own paths refuse it: the path belongs to another server.
        guard rest.allSatisfy({ ByteClass.isQuery($0) && $0 != UInt8(ascii: "?") }), Self.isEncodingWhole(rest) else {
            throw .character
        }
        path = String(decoding: rest, as: UTF8.self)
        self.scheme = scheme
        self.text = text
    }

    /// The port that is meant.
    package var port: Int { explicitPort ?? scheme.defaultPort }

    /// `scheme://host[:port]`, the port only when it is not the scheme's own; RFC 6454 §6.1.
    package var origin: String {
        port == scheme.defaultPort
            ? "\(scheme.rawValue)://\(host)" : "\(scheme.rawValue)://\(host):\(port)"
    }

    /// Path and query for a request line.
    package var requestTarget: String {
        (path.isEmpty ? "/" : path) + (query.map { "?\($0)" } ?? "")
    }

    private static func parseScheme(_ bytes: [UInt8]) throws(HTTPURLError) -> (Scheme, Int) {
        for scheme in [Scheme.https, .http] {
            let prefix = Array("\(scheme.rawValue)://".utf8)
            if bytes.count > prefix.count, ByteClass.equalIgnoringCase(bytes[..<prefix.count], prefix) {
                return (scheme, prefix.count)
            }
        }
        throw .scheme
    }

    /// Takes what follows the first `mark` off `rest`.
    private static func cut(_ rest: inout ArraySlice<UInt8>, at mark: UInt8) throws(HTTPURLError) -> String? {
        guard let index = rest.firstIndex(of: mark) else { return nil }
        let part = rest[(index + 1)...]
        rest = rest[..<index]
        guard part.allSatisfy(ByteClass.isQuery), isEncodingWhole(part) else { throw .character }
        return String(decoding: part, as: UTF8.self)
    }

    /// Whether two hexadecimal digits follow every `%`.
    private static func isEncodingWhole(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.indices.allSatisfy { index in
            bytes[index] != UInt8(ascii: "%")
                || bytes.endIndex - index >= 3 && ByteClass.isHex(bytes[index + 1]) && ByteClass.isHex(bytes[index + 2])
        }
    }

    /// Byte by byte, as identifiers are compared.
    package static func == (left: HTTPURL, right: HTTPURL) -> Bool {
        left.text.utf8.elementsEqual(right.text.utf8)
    }

    /// The same bytes as `==`.
    package func hash(into hasher: inout Hasher) {
        for byte in text.utf8 { hasher.combine(byte) }
    }
}

extension HTTPURL: CustomStringConvertible {
    /// As it was given.
    package var description: String { text }
}
