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
    /// The host is one of this machine's own names, whatever the scheme.
    package var isLocalHost: Bool { Self.isLoopback(host: uri.host ?? "") }
    /// Leads to a program on the user's own machine by the loopback interface.
    package var isLoopback: Bool { uri.hasScheme("http") && Self.isLoopback(host: uri.host ?? "") }

    /// Schemes of apps without a dot in them, which RFC 8252 §7.1 would demand: those that MCP clients use.
    private static let appSchemes: Set<String> = [
        "antigravity", "claude", "cursor", "goose", "jetbrains", "kiro", "raycast", "trae", "vscode", "vscode-insiders",
        "warp", "windsurf", "zed",
    ]

    /// Throws `invalid_redirect_uri` for what must never be registered (A14): other schemes, http off this machine,
    /// fragments, user information, wildcards, odd hosts, control characters and whatever is not a URI.
    package init(parsing text: String) throws(OAuthError) {
        guard let uri = AbsoluteURI(text) else {
            throw OAuthError(.invalidRedirectURI, "a redirect URI must be an absolute URI of visible ASCII")
        }
        guard !uri.hasFragment else { throw OAuthError(.invalidRedirectURI, "a redirect URI must not have a fragment") }
        guard !uri.hasUserInformation else {
            throw OAuthError(.invalidRedirectURI, "a redirect URI must not name a user")
        }
        // Compared byte by byte it would be harmless; whoever registers one expects more of it.
        guard !text.utf8.contains(UInt8(ascii: "*")) else {
            throw OAuthError(.invalidRedirectURI, "a redirect URI must not have a wildcard")
        }
        if uri.isHTTP { try Self.checkWeb(uri) } else { try Self.checkApp(uri) }
        self.uri = uri
    }

    /// The address that is none: the answer is shown to the user, who carries it over by hand. From the drafts of native
    /// apps before RFC 8252; nil for every other text.
    package init?(outOfBand text: String) {
        guard text.utf8.elementsEqual(Self.outOfBand.utf8), let uri = AbsoluteURI(text) else { return nil }
        self.uri = uri
    }

    private static let outOfBand = "urn:ietf:wg:oauth:2.0:oob"

    /// Whether the answer is shown instead of sent.
    package var isOutOfBand: Bool { text.utf8.elementsEqual(Self.outOfBand.utf8) }

    private static func checkWeb(_ uri: AbsoluteURI) throws(OAuthError) {
        // The origin is nil for wildcards and for hosts that two programs could read as two hosts.
        guard uri.origin != nil else {
            throw OAuthError(
                .invalidRedirectURI, "a redirect URI needs a plain host name or address: https://host/path")
        }
        guard uri.hasScheme("https") || isLoopback(host: uri.host ?? "") else {
            throw OAuthError(
                .invalidRedirectURI, "http redirect URIs must lead to 127.0.0.1, [::1] or localhost; use https")
        }
    }

    /// `com.example.app:/path`, as RFC 8252 §7.1 writes it, or `app://host/path`, as many apps do.
    private static func checkApp(_ uri: AbsoluteURI) throws(OAuthError) {
        let scheme = String(decoding: uri.scheme.utf8.map(AbsoluteURI.lowercased), as: UTF8.self)
        guard scheme.utf8.contains(UInt8(ascii: ".")) || appSchemes.contains(scheme) else {
            throw OAuthError(
                .invalidRedirectURI,
                "an app's own scheme must be a reversed domain name such as com.example.app (RFC 8252 section 7.1)")
        }
        guard uri.host.map(isPlain(host:)) ?? uri.path.utf8.starts(with: "/".utf8) else {
            throw OAuthError(.invalidRedirectURI, "a redirect URI of an app reads app:/path or app://host/path")
        }
    }

    private static func isPlain(host: String) -> Bool {
        !host.utf8.contains { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "%") }
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
        hasher.combine(text)
    }
}
