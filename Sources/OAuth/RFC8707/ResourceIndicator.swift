/// `resource` of a request (RFC 8707 §2): which protected resource a token is wanted for.
package struct ResourceIndicator: Sendable, Hashable {
    /// `scheme://host[:port]` in lower case.
    package let origin: String
    /// As written; a trailing slash of the root counts as none.
    package let path: String

    /// Throws `invalid_target` where `text` is not an absolute http or https URI without fragment and query.
    package init(parsing text: String) throws(OAuthError) {
        guard let uri = AbsoluteURI(text), let origin = uri.origin, !uri.hasFragment, !uri.hasUserInformation,
            uri.query == nil
        else { throw OAuthError(.invalidTarget, "resource must be an absolute https URI without fragment and query") }
        self.origin = origin
        path = uri.path.utf8.elementsEqual("/".utf8) ? "" : uri.path
    }

    /// The canonical form that goes into `aud`: clients compare it with what they asked for.
    package var text: String { origin + path }

    /// Whether this names the resource whose canonical form is `resource`.
    package func matches(_ resource: String) -> Bool { text.utf8.elementsEqual(resource.utf8) }
}
