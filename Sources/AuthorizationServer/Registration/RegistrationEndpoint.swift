import Crypto
import HTTP
import JSON
import OAuth
import Telemetry

/// `/register` (RFC 7591): open to every client, bounded in rate, size and number (A14).
struct RegistrationEndpoint: HTTPResponder {
    let service: AuthorizationService

    private var policy: RegistrationPolicy { service.configuration.registration }

    /// Puts it on its paths.
    func register(on router: inout HTTPRouter) {
        for path in ["/register", "/oauth/register"] {
            router.on(.post, path, self)
            router.on(.options, path, Preflight(methods: "POST"))
        }
    }

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        do {
            let origin = try service.openOrigin(of: request)
            if let seconds = service.registrationLimiter.take(request.remoteAddress, at: service.now) {
                throw RegistrationRefusal.tooMany(seconds: seconds)
            }
            let metadata = try await read(request, body, origin: origin)
            return try await store(metadata, request: request)
        } catch {
            return service.answer(for: error, request: request)
        }
    }

    private func read(
        _ request: HTTPRequest, _ body: HTTPRequestBody, origin: ServerOrigin
    ) async throws -> ClientMetadata {
        let bytes: [UInt8]
        do {
            bytes = try await body.collect(upTo: policy.maximumBytes)
        } catch HTTPBodyError.tooLarge {
            throw RegistrationRefusal.tooLarge
        }
        let document: JSONDocument
        do {
            document = try JSONDocument(
                parsing: bytes, limits: JSONLimits(maximumDepth: 16, maximumBytes: policy.maximumBytes))
        } catch {
            throw OAuthError(.invalidClientMetadata, "the body is not a JSON object: \(error)")
        }
        return try RegistrationRules(origin: origin, hosts: service.hosts).apply(
            to: try ClientMetadata(parsing: document))
    }

    private func store(_ metadata: ClientMetadata, request: HTTPRequest) async throws -> HTTPResponse {
        let time = service.now
        let secret = metadata.tokenEndpointAuthMethod.usesSecret ? IssuedSecret.make(.clientSecret) : nil
        let client = ClientRecord(
            id: ClientID(Random.token("client_")), metadata: metadata.json().serialized(),
            secretDigest: secret?.digest, registeredAt: time)
        let outcome = try await service.store.register(
            client, capacity: policy.capacity, evictableBefore: time - .seconds(3600))
        guard outcome == .registered else {
            throw OAuthError(.temporarilyUnavailable, "there are too many registered clients")
        }
        service.note(.clientRegistered, outcome: .success, client: client.id, request: request)
        return JSONAnswer.make(.created, answer(client, metadata, secret: secret))
    }

    // RFC 7591 §3.2.1: everything that was registered, with what we made of it.
    private func answer(_ client: ClientRecord, _ metadata: ClientMetadata, secret: IssuedSecret?) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("client_id", .string(client.id.value)),
            .init("client_id_issued_at", .integer(client.registeredAt.seconds)),
        ]
        if let secret {
            members.append(.init("client_secret", .string(secret.text)))
            members.append(.init("client_secret_expires_at", 0))
        }
        if case .object(let registered) = metadata.json() { members += registered }
        return .object(members)
    }
}
