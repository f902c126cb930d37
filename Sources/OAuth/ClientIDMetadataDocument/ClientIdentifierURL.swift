package import HTTP

/// A client identifier that is the address of the client's own metadata (draft-ietf-oauth-client-id-metadata-document,
/// "Client Identifier URL"): https, a path, no user, no fragment, no dot segments. Compared byte by byte.
///
/// Stricter than the draft in two places that it only discourages: no query, and not the root of a host.
package struct ClientIdentifierURL: Sendable, Hashable {
    /// As the client wrote it.
    package let url: HTTPURL

    /// Nil for every identifier that is none; those are other clients, or nobody.
    package init?(_ id: ClientID) {
        // The bytes are looked at before any parser: two readings of one address are a hole (A15).
        let text = id.value
        guard text.utf8.starts(with: "https://".utf8), text.utf8.count <= AbsoluteURI.maximumBytes,
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), let uri = AbsoluteURI(text),
            let url = try? HTTPURL(text),  // what it cannot read is no address
            !uri.hasUserInformation, !uri.hasFragment, url.query == nil
        else { return nil }
        let segments = url.path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard url.path.utf8.count > 1, !segments.contains(where: Self.isDots) else { return nil }
        self.url = url
    }

    /// The host as it stands on the consent page and in `allowed_hosts`.
    package var host: String { url.host.description }

    /// `.` and `..`, also where a dot is encoded.
    private static func isDots(_ segment: Substring.UTF8View.SubSequence) -> Bool {
        let decoded = String(Substring(segment)).lowercased().replacing("%2e", with: ".")
        return decoded == "." || decoded == ".."
    }
}
