import HTTP
import JSON
import OAuth

/// `/introspect` (RFC 7662): what a token is good for at this moment, told to who may know it.
///
/// A client may ask about its own tokens, a resource server that the operator named (`oauth.introspection.clients`) about
/// every one that opens a resource: a refresh token does not, and most resource servers look at `active` alone (§4). All
/// other tokens look alike: unknown, ended and foreign are `{"active":false}` (§2.2, §4; T10).
struct IntrospectionEndpoint: HTTPResponder {
    let service: AuthorizationService

    /// Puts it on its path.
    func register(on router: inout HTTPRouter) {
        router.on(.post, "/introspect", self)
        router.on(.options, "/introspect", Preflight(methods: "POST"))
    }

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        do {
            let origin = try service.openOrigin(of: request)
            let parsed = try await TokenRequest.parse(request, body)
            let client = try await ClientAuthenticator(service: service, origin: origin).authenticate(parsed)
            // §2.1: the endpoint requires authorization; saying a name is none.
            guard client.isConfidential else {
                throw OAuthError(.invalidClient, "this client cannot prove who it is")
            }
            let token = try parsed.required("token")
            return JSONAnswer.make(.ok, try await answer(for: token, to: client, at: origin))
        } catch {
            return service.answer(for: error, request: request)
        }
    }

    private func answer(
        for token: String, to client: AuthenticatedClient, at origin: ServerOrigin
    ) async throws -> JSONValue {
        // The hint only saves a look-up; every kind is tried either way.
        guard let found = try await TokenDescription.find(token, service: service, origin: origin),
            found.client == client.id
                || found.isForResources && service.configuration.introspectionClients.contains(client.id)
        else { return ["active": false] }
        return .object([.init("active", true)] + found.members)
    }
}
