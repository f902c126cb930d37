import HTTP
import JSON
import OAuth
import Telemetry

/// `/par` (RFC 9126): a client leaves its authorization request here, authenticated as at `/token`, and sends the browser with
/// a reference. What would be refused at `/authorize` is refused here already.
struct PushedRequestEndpoint: HTTPResponder {
    /// What proves the client and is no part of its request.
    private static let credentials = ["client_secret", "client_assertion", "client_assertion_type"]

    let service: AuthorizationService

    /// Puts it on its path.
    func register(on router: inout HTTPRouter) {
        router.on(.post, "/par", self)
        router.on(.options, "/par", Preflight(methods: "POST"))
    }

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        do {
            let origin = try service.openOrigin(of: request)
            try service.limitClients(request)
            let parsed = try await TokenRequest.parse(request, body)
            let client = try await ClientAuthenticator(service: service, origin: origin).authenticate(parsed)
            try client.require(grantType: "authorization_code")
            let key = try await ProvenKey.find(in: request, origin: origin, service: service)
            let form = try form(of: parsed, client: client.id, key: key)
            try await check(form, origin: origin)
            return try await push(form, client: client.id)
        } catch let refusal as AuthorizationRefusal {
            return service.answer(for: OAuthError(.invalidRequest, refusal.reason), request: request)
        } catch {
            return service.answer(for: error, request: request)
        }
    }

    // §2.1: everything but the credentials; `client_id` is that of whoever authenticated.
    private func form(of request: TokenRequest, client: ClientID, key: ProvenKey?) throws -> [UInt8] {
        guard request.form.values("request_uri").isEmpty else {
            throw OAuthError(.invalidRequest, "request_uri must not be pushed")
        }
        var pairs = request.form.all.filter { parameter in
            // An empty one is none (OAuth 2.1 §3.2); beside the client's own it would make two.
            !parameter.value.isEmpty
                && !PushedRequestEndpoint.credentials.contains { $0.utf8.elementsEqual(parameter.name.utf8) }
        }.map { ($0.name, $0.value) }
        if request["client_id"] == nil { pairs.append(("client_id", client.value)) }
        // RFC 9449 §10.1: a proof here says the same as `dpop_jkt`, and the two must agree.
        if let key, !pairs.contains(where: { $0.0 == "dpop_jkt" && $0.1.utf8.elementsEqual(key.thumbprint.utf8) }) {
            guard request.form.values("dpop_jkt").isEmpty else {
                throw OAuthError(.invalidDPoPProof, "dpop_jkt is not the key of the DPoP proof")
            }
            pairs.append(("dpop_jkt", key.thumbprint))
        }
        return Array(FormParameters.encoded(pairs).utf8)
    }

    // §2.1: processed as at the authorization endpoint, so that whoever follows the reference meets no error of the client's.
    private func check(_ form: [UInt8], origin: ServerOrigin) async throws {
        let parameters = try AuthorizationParameters(pushed: form)
        let redirect = try await ProvenRedirect.prove(
            parameters, issuer: origin.description, among: service.clients, isForbidden: service.isForbidden)
        var draft = AuthorizationDraft(
            parameters: parameters,
            resourcePolicy: ResourcePolicy(
                origin: origin, hosts: service.hosts, directory: service.resources, client: redirect.client))
        draft.isPushed = true
        try AuthorizationChecks.apply(to: &draft)
    }

    private func push(_ form: [UInt8], client: ClientID) async throws -> HTTPResponse {
        let reference = RequestReference.make()
        let time = service.now
        let lifetime = min(.seconds(60), service.configuration.grants.pushedRequestLifetime)
        try await service.store.push(
            PushedRequest(
                id: SecretDigest(of: reference), client: client, parameters: form, pushedAt: time,
                expiresAt: time + lifetime), capacity: service.configuration.grants.pushedRequestCapacity)
        return JSONAnswer.make(
            .created, ["request_uri": .string(reference), "expires_in": .integer(lifetime.components.seconds)])
    }
}
