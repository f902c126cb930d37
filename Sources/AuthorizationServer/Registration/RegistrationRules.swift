import HTTP
import JSON
import OAuth

/// What a client may register here, beyond what `ClientMetadata` demands of every registration.
struct RegistrationRules {
    /// What a client may have that nobody vouches for: grants in which a user decides. Refresh tokens come with them.
    static let grantTypes = ["authorization_code", "refresh_token"]

    /// The origin that the client uses.
    let origin: ServerOrigin
    /// Tells our own origins from others.
    let hosts: HostPolicy

    /// The metadata as we accept it: what we do not offer is replaced, as RFC 7591 §3.2.1 allows, and the answer says so.
    func apply(to metadata: ClientMetadata) throws(OAuthError) -> ClientMetadata {
        // A14: a redirect to ourselves would hand a code to our own pages, or loop.
        guard !metadata.redirectURIs.contains(where: { isOwn($0) }) else {
            throw OAuthError(.invalidRedirectURI, "a redirect URI must not lead to this server")
        }
        var accepted = metadata
        accepted.grantTypes = RegistrationRules.grantTypes.filter {
            metadata.grantTypes.contains($0) || $0 == "refresh_token"
        }
        guard accepted.grantTypes != ["refresh_token"] else {
            throw OAuthError(.invalidClientMetadata, "grant_types must contain authorization_code")
        }
        accepted.responseTypes = metadata.grantTypes.contains("authorization_code") ? ["code"] : []
        return accepted
    }

    private func isOwn(_ uri: RedirectURI) -> Bool {
        guard let other = uri.origin else { return false }
        return hosts.isOwn(origin: other)
    }
}

/// A registration that is refused for its size or rate, before its content is looked at (A14).
enum RegistrationRefusal: Error {
    case tooLarge
    case tooMany(seconds: Int)

    /// 413, or 429 with `Retry-After`.
    var response: HTTPResponse {
        switch self {
        case .tooLarge:
            return RegistrationRefusal.answer(.contentTooLarge, "the registration is too large")
        case .tooMany(let seconds):
            var response = RegistrationRefusal.answer(.tooManyRequests, "too many registrations from this address")
            response.fields.append("Retry-After", String(seconds))
            return response
        }
    }

    private static func answer(_ status: HTTPStatus, _ description: String) -> HTTPResponse {
        JSONAnswer.make(
            status, ["error": "invalid_client_metadata", "error_description": .string(description)])
    }
}
