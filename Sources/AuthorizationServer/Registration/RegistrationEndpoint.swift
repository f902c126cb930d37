import Crypto
import HTTP
import JSON
import OAuth
import Telemetry

/// `/register` (RFC 7591): open to every client, bounded in rate, size and number (A14).
struct RegistrationEndpoint: HTTPResponder {
    let service: AuthorizationService

    private var policy: RegistrationPolicy { service.configuration.registration }

    /// Its own and that of servers that clients know already.
    static let paths = ["/register", "/oauth/register"]

    /// Puts it on its paths.
    func register(on router: inout HTTPRouter) {
        for path in Self.paths {
            router.on(.post, path, self)
            router.on(.options, path, Preflight(methods: "POST"))
        }
    }

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        do {
            let origin = try service.openOrigin(of: request)
            try service.limitRegistrations(request)
            let document = try await RegistrationBody.read(body, limit: policy.maximumBytes)
            let metadata = try RegistrationRules(origin: origin, service: service).apply(
                to: try ClientMetadata(parsing: document))
            return try await store(metadata, origin: origin, request: request)
        } catch {
            return service.answer(for: error, request: request)
        }
    }

    private func store(
        _ metadata: ClientMetadata, origin: ServerOrigin, request: HTTPRequest
    ) async throws -> HTTPResponse {
        let time = service.now
        let secret = metadata.tokenEndpointAuthMethod.usesSecret ? IssuedSecret.make(.clientSecret) : nil
        let token = IssuedSecret.make(.registration)
        let client = ClientRecord(
            id: ClientID(Random.token("client_")), metadata: metadata.json().serialized(),
            secretDigest: secret?.digest, registrationDigest: token.digest, registeredAt: time)
        let outcome = try await service.store.register(
            client, capacity: policy.capacity, evictableBefore: time - .seconds(3600))
        guard outcome == .registered else {
            throw OAuthError(.temporarilyUnavailable, "there are too many registered clients")
        }
        service.note(.clientRegistered, outcome: .success, client: client.id, request: request)
        let information = ClientInformation(
            client: client, metadata: metadata, secret: secret?.text, registrationToken: token.text, origin: origin)
        return JSONAnswer.make(.created, information.json)
    }
}

extension AuthorizationService {
    /// Keeps one address from writing registrations without end (A14).
    func limitRegistrations(_ request: HTTPRequest) throws(RegistrationRefusal) {
        guard let seconds = registrationLimiter.take(request.remoteAddress, at: now) else { return }
        metrics.reached(.registrations)
        throw .tooMany(seconds: seconds)
    }
}
