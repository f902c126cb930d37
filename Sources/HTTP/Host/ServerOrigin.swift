/// One of our own origins: the issuer, and the base of every audience, as the client named us.
package struct ServerOrigin: Sendable, Hashable, CustomStringConvertible {
    /// `https://mcp.example.com` or `http://localhost:8080`; never with a slash at the end.
    package let description: String
    /// Whether browsers reach us by https, so that cookies may be `Secure`.
    package let isSecure: Bool

    /// The origin of a URL.
    package init(_ url: HTTPURL) {
        description = url.origin
        isSecure = url.scheme == .https
    }

    init(scheme: HTTPURL.Scheme, authority: String) {
        description = "\(scheme.rawValue)://\(authority)"
        isSecure = scheme == .https
    }

    /// The absolute URI of a path of ours.
    package func uri(path: String) -> String {
        description + path
    }
}
