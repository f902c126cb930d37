package import AsyncIO

/// What a trusted proxy says about the request that it passes on or asks about: the de-facto fields of Traefik, Caddy and
/// most others. Only `TrustedProxies` makes one.
package struct ForwardedRequest: Sendable, Equatable {
    /// The proxy itself.
    package let peer: SocketAddress
    /// `X-Forwarded-Method`; nil when it is absent or repeated, like each of these.
    package let method: String?
    /// `X-Forwarded-Proto`.
    package let scheme: String?
    /// `X-Forwarded-Host`, with the port when the client gave one.
    package let host: String?
    /// `X-Forwarded-Uri`: path and query, as the client sent them.
    package let uri: String?

    init(_ fields: HTTPFields, peer: SocketAddress) {
        self.peer = peer
        method = Self.single("x-forwarded-method", fields)
        scheme = Self.single("x-forwarded-proto", fields)
        host = Self.single("x-forwarded-host", fields)
        uri = Self.single("x-forwarded-uri", fields)
    }

    // Of two values a proxy and we might believe different ones: then neither counts.
    private static func single(_ name: HTTPFieldName, _ fields: HTTPFields) -> String? {
        fields.count(of: name) == 1 ? fields[name] : nil
    }

    /// Whether the proxy says anything about an address.
    package var namesTarget: Bool { host != nil || uri != nil }

    /// The address that was asked for, in the one form that decides (R06); nil where something is missing or not in its
    /// plain form.
    package var target: ForwardedTarget? { ForwardedTarget(self) }
}

/// The address of a forwarded request.
package struct ForwardedTarget: Sendable, Hashable {
    /// `https://mcp.example.com`: lower case, without the scheme's own port.
    package let origin: String
    /// The canonical path, without the query.
    package let path: String

    fileprivate init?(_ forwarded: ForwardedRequest) {
        guard let scheme = forwarded.scheme.flatMap(Self.scheme), let host = forwarded.host, let uri = forwarded.uri,
            uri.utf8.first == UInt8(ascii: "/"),
            // Whatever the upstream could read in another way than we do is not decided about.
            let target = try? RequestTarget(parsing: Array(uri.utf8)[...], method: .get),
            let authority = try? HTTPAuthority.parse(Array(host.utf8)[...])
        else { return nil }
        let port = authority.port.flatMap { $0 == scheme.defaultPort ? nil : ":\($0)" } ?? ""
        origin = "\(scheme.rawValue)://\(authority.host)\(port)"
        path = target.path
    }

    // Traefik names the scheme of the socket when a connection is upgraded.
    private static func scheme(_ text: String) -> HTTPURL.Scheme? {
        switch text {
        case "https", "wss": .https
        case "http", "ws": .http
        default: nil
        }
    }

    /// Whether the address is `other` or lies below it.
    package func isWithin(origin other: String, path base: String) -> Bool {
        guard origin.utf8.elementsEqual(other.utf8), path.utf8.starts(with: base.utf8) else { return false }
        let next = path.utf8.dropFirst(base.utf8.count).first
        return next == nil || next == UInt8(ascii: "/")
    }
}

/// The form of paths by which this server decides (R06).
package enum CanonicalPath {
    /// Whether `path` is in that form already.
    package static func isPlain(_ path: String) -> Bool {
        guard path.utf8.first == UInt8(ascii: "/"),
            let target = try? RequestTarget(parsing: Array(path.utf8)[...], method: .get)  // any refusal means no
        else { return false }
        return target.query == nil && target.path.utf8.elementsEqual(path.utf8)
    }
}
