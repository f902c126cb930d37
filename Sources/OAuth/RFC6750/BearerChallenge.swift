/// `WWW-Authenticate: Bearer …` (RFC 6750 §3, RFC 9728 §5.1).
package struct BearerChallenge: Sendable {
    /// Nil where the request carried no token at all: then there is no error to report (R01).
    package var error: OAuthError.Code?
    package var description: String?
    /// What the operation needs; all of it at once.
    package var scope: Scope
    /// Where the resource's metadata is.
    package var resourceMetadata: String?

    package init(
        error: OAuthError.Code? = nil, description: String? = nil, scope: Scope, resourceMetadata: String?
    ) {
        self.error = error
        self.description = description
        self.scope = scope
        self.resourceMetadata = resourceMetadata
    }

    /// The header's value.
    package var value: String {
        var parameters: [String] = []
        if let error { parameters.append("error=\"\(error.rawValue)\"") }
        if let description { parameters.append("error_description=\"\(quotable(description))\"") }
        if let resourceMetadata { parameters.append("resource_metadata=\"\(quotable(resourceMetadata))\"") }
        if !scope.isEmpty { parameters.append("scope=\"\(quotable(scope.description))\"") }
        return parameters.isEmpty ? "Bearer" : "Bearer " + parameters.joined(separator: ", ")
    }

    private func quotable(_ text: String) -> String {
        String(decoding: text.utf8.filter { $0 >= 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }, as: UTF8.self)
    }
}
