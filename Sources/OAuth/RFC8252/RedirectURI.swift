/// A redirect URI that a client may register: https anywhere, http on this machine, or an app's own scheme
/// (RFC 8252 §7, OAuth 2.1 §2.3.1).
package struct RedirectURI: Sendable, Hashable {
    private let uri: AbsoluteURI

    /// Byte for byte as registered or requested.
    package var text: String { uri.text }
    /// Lower-case.
    package var scheme: String { String(decoding: uri.scheme.utf8.map(AbsoluteURI.lowercased), as: UTF8.self) }
    /// As written.
    package var host: String? { uri.host }
    /// `http` or `https`.
    package var isHTTP: Bool { uri.isHTTP }
    /// `scheme://host[:port]`; nil for an app's own scheme.
    package var origin: String? { uri.origin }
    /// Leads to a program on the user's own machine by the loopback interface.
    package var isLoopback: Bool { uri.hasScheme("http") && Self.isLoopback(host: uri.host ?? "") }

    /// Schemes of apps without a dot in them, which RFC 8252 §7.1 would demand: those that MCP clients use.
    private static let appSchemes: Set<String> = [
        "antigravity", "claude", "cursor", "goose", "jetbrains", "kiro", "raycast", "trae", "vscode", "vscode-insiders",
        "warp", "windsurf", "zed",
    ]

    /// Throws `invalid_redirect_uri` for what must never be registered (A14): other schemes, http off this machine,
    /// fragments, user information, wildcards, control characters and whatever is not a URI.
    package init(parsing text: String) throws(OAuthError) {
        guard let uri = AbsoluteURI(text) else {
            throw OAuthError(.invalidRedirectURI, "a redirect URI must be an absolute URI of visible ASCII")
        }
        guard !uri.hasFragment else { throw OAuthError(.invalidRedirectURI, "a redirect URI must not have a fragment") }
        guard !uri.hasUserInformation else {
            throw OAuthError(.invalidRedirectURI, "a redirect URI must not name a user")
        }
        guard let host = uri.host, !host.utf8.contains(UInt8(ascii: "*")), !host.utf8.contains(UInt8(ascii: "%")) else {
            throw OAuthError(.invalidRedirectURI, "a redirect URI needs a host without wildcards: scheme://host/path")
        }
        if uri.hasScheme("https") {
            guard !host.isEmpty else { throw OAuthError(.invalidRedirectURI, "a redirect URI needs a host") }
        } else if uri.hasScheme("http") {
            guard Self.isLoopback(host: host) else {
                throw OAuthError(
                    .invalidRedirectURI, "http redirect URIs must lead to 127.0.0.1, [::1] or localhost; use https")
            }
        } else {
            let scheme = String(decoding: uri.scheme.utf8.map(AbsoluteURI.lowercased), as: UTF8.self)
            guard scheme.utf8.contains(UInt8(ascii: ".")) || Self.appSchemes.contains(scheme) else {
                throw OAuthError(
                    .invalidRedirectURI,
                    "an app's own scheme must be a reversed domain name such as com.example.app (RFC 8252 section 7.1)")
            }
        }
        self.uri = uri
    }

    /// Whether a request with this redirect URI may be answered for a client that registered `registered`: the same
    /// bytes (A01), or the same but for the port where both lead to the loopback interface (A02; RFC 8252 §7.3).
    package func matches(registered: RedirectURI) -> Bool {
        if text.utf8.elementsEqual(registered.text.utf8) { return true }
        guard isLoopback, registered.isLoopback else { return false }
        return withoutPort.elementsEqual(registered.withoutPort)
    }

    private var withoutPort: [UInt8] {
        let prefix = "\(uri.scheme)://\(uri.host ?? "")"
        let rest = text.utf8.dropFirst(prefix.utf8.count)
        guard rest.first == UInt8(ascii: ":") else { return Array(text.utf8) }
        return Array(prefix.utf8) + rest.dropFirst().drop { (0x30...0x39).contains($0) }
    }

    private static func isLoopback(host: String) -> Bool {
        ["127.0.0.1", "[::1]", "localhost"].contains { host.utf8.elementsEqual($0.utf8) }
    }

    // Identifiers compare as bytes.
    package static func == (left: RedirectURI, right: RedirectURI) -> Bool {
        left.text.utf8.elementsEqual(right.text.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        for byte in text.utf8 { hasher.combine(byte) }
    }
}
