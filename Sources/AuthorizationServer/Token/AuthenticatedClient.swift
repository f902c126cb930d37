import Crypto
import OAuth

/// A client that has proven who it is, or a public one that said so: no grant can be reached without one.
///
/// There is one way to get one: `ClientAuthenticator.authenticate`.
struct AuthenticatedClient {
    /// The client.
    let client: RegisteredClient

    fileprivate init(_ client: RegisteredClient) {
        self.client = client
    }

    /// `client_id`.
    var id: ClientID { client.id }
}

/// OAuth 2.1 §2.4: the client's credential, in the header or in the body, never in both (A09).
struct ClientAuthenticator {
    let store: any AuthorizationStore

    /// Authenticates the client of a request.
    func authenticate(_ request: TokenRequest) async throws -> AuthenticatedClient {
        let secret = request["client_secret"]
        guard request.basic == nil || secret == nil else {
            throw OAuthError(.invalidRequest, "more than one way of client authentication")
        }
        guard request["client_assertion"] == nil, request["client_assertion_type"] == nil else {
            throw refusal(request, "client assertions are not supported")
        }
        let named = request["client_id"].map { ClientID($0) }
        if let named, let basic = request.basic, named != basic.client {
            throw OAuthError(.invalidRequest, "two different clients are named")
        }
        guard let id = request.basic?.client ?? named else { throw refusal(request, "client_id is missing") }
        guard let record = try await store.client(id) else { throw refusal(request, "the client is not known") }
        let client = try RegisteredClient(record)
        guard permits(client, basic: request.basic?.secret, body: secret) else {
            throw refusal(request, "the client's credentials are wrong")
        }
        return AuthenticatedClient(client)
    }

    private func permits(_ client: RegisteredClient, basic: String?, body: String?) -> Bool {
        switch client.metadata.tokenEndpointAuthMethod {
        case .none: basic == nil && body == nil
        // Header or body is the same secret over the same channel; libraries disagree with what they registered.
        case .clientSecretBasic, .clientSecretPost: isRight(basic ?? body, client)
        }
    }

    private func isRight(_ secret: String?, _ client: RegisteredClient) -> Bool {
        guard let secret, let stored = client.record.secretDigest else { return false }
        return ConstantTime.equals(SecretDigest(of: secret).bytes, stored.bytes)
    }

    private func refusal(_ request: TokenRequest, _ reason: String) -> OAuthError {
        OAuthError(.invalidClient, reason)
    }
}
