import HTTP
import JSON
import OAuth
import Telemetry

/// `/register/{client_id}` (RFC 7592): a client reads, changes and removes its own registration by the token that it got
/// with it.
struct ClientConfigurationEndpoint: HTTPResponder {
    private static let paths = ["/register/{client_id}", "/oauth/register/{client_id}"]

    let service: AuthorizationService

    /// Puts it on its paths.
    func register(on router: inout HTTPRouter) {
        for path in ClientConfigurationEndpoint.paths {
            for method in [HTTPMethod.get, .put, .delete] { router.on(method, path, self) }
            router.on(.options, path, Preflight(methods: "GET, PUT, DELETE"))
        }
    }

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        do {
            let origin = try service.openOrigin(of: request)
            let access = try RegistrationAccess(request)
            switch request.method {
            case .put: return try await change(access, body, origin: origin, request: request)
            case .delete: return try await remove(access, request: request)
            default: return try await read(access, origin: origin)
            }
        } catch {
            return service.answer(for: error, request: request)
        }
    }

    private func read(_ access: RegistrationAccess, origin: ServerOrigin) async throws -> HTTPResponse {
        let client = try await client(access)
        let information = ClientInformation(
            client: client, metadata: try RegisteredClient(client).metadata, secret: nil,
            registrationToken: access.token, origin: origin)
        return JSONAnswer.make(.ok, information.json)
    }

    private func change(
        _ access: RegistrationAccess, _ body: HTTPRequestBody, origin: ServerOrigin, request: HTTPRequest
    ) async throws -> HTTPResponse {
        try service.limitRegistrations(request)
        var client = try await client(access)
        let document = try await RegistrationBody.read(
            body, limit: service.configuration.registration.maximumBytes)
        let metadata = try RegistrationRules(origin: origin, service: service).apply(
            to: try RegistrationChange(document.root).applied(to: client))
        // A secret stays; one is made where the new method needs the first.
        let needsSecret = metadata.tokenEndpointAuthMethod.usesSecret
        let secret = needsSecret && client.secretDigest == nil ? IssuedSecret.make(.clientSecret) : nil
        client.metadata = metadata.json().serialized()
        client.secretDigest = needsSecret ? secret?.digest ?? client.secretDigest : nil
        let token = IssuedSecret.make(.registration)
        guard
            try await service.store.replace(
                client.id, metadata: client.metadata, secretDigest: client.secretDigest, presenting: access.digest,
                successor: token.digest)
        else { throw RegistrationRefusal.unauthorized }
        service.note(.clientChanged, outcome: .success, client: client.id, request: request)
        let information = ClientInformation(
            client: client, metadata: metadata, secret: secret?.text, registrationToken: token.text, origin: origin)
        return JSONAnswer.make(.ok, information.json)
    }

    private func remove(_ access: RegistrationAccess, request: HTTPRequest) async throws -> HTTPResponse {
        let time = service.now
        let removed = try await service.store.removeClient(access.client, presenting: access.digest, at: time)
        guard let ended = removed else { throw RegistrationRefusal.unauthorized }
        for grant in ended { service.revocations.revoke(grant, at: time) }
        service.note(
            .clientRemoved, outcome: .success, client: access.client, request: request,
            detail: [("grants", String(ended.count))])
        var response = HTTPResponse(status: .noContent, fields: HTTPFields(), body: .none)
        response.fields.append("Cache-Control", "no-store")
        CORS.allowAnyOrigin(&response.fields)
        return response
    }

    private func client(_ access: RegistrationAccess) async throws -> ClientRecord {
        guard let client = try await service.store.client(access.client, presenting: access.digest) else {
            throw RegistrationRefusal.unauthorized
        }
        return client
    }
}

/// The client that a management request names, and the token that it shows for it: not compared yet.
struct RegistrationAccess {
    let client: ClientID
    let token: String

    var digest: SecretDigest { SecretDigest(of: token) }

    /// Reads them; without a token there is nothing to compare.
    init(_ request: HTTPRequest) throws(RegistrationRefusal) {
        guard let id = request.parameters["client_id"], case .token(let token) = BearerCredentials.parse(request.fields)
        else { throw .unauthorized }
        client = ClientID(id)
        self.token = token
    }
}
