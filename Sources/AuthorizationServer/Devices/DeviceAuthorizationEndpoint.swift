import HTTP
import JSON
import OAuth
import Telemetry

/// `/device_authorization` (RFC 8628 §3.1): a terminal begins a sign-in that its user finishes in a browser elsewhere.
struct DeviceAuthorizationEndpoint: HTTPResponder {
    private static let attempts = 5

    let service: AuthorizationService

    private var policy: DevicePolicy { service.configuration.grants.devices }

    /// Puts it on its path.
    func register(on router: inout HTTPRouter) {
        router.on(.post, "/device_authorization", self)
        router.on(.options, "/device_authorization", Preflight(methods: "POST"))
    }

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        do {
            let origin = try service.openOrigin(of: request)
            try service.limitClients(request)
            let parsed = try await TokenRequest.parse(request, body)
            let client = try await ClientAuthenticator(service: service, origin: origin).authenticate(parsed)
            try client.require(grantType: DeviceCodeGrant.type)
            var draft = AuthorizationDraft(
                parameters: AuthorizationParameters(form: parsed.form),
                resourcePolicy: ResourcePolicy(
                    origin: origin, hosts: service.hosts, directory: service.resources, client: client.client))
            try ResourceCheck().apply(to: &draft)
            try ScopeCheck().apply(to: &draft)
            return try await begin(draft, client: client.id, origin: origin)
        } catch {
            return service.answer(for: error, request: request)
        }
    }

    private func begin(
        _ draft: AuthorizationDraft, client: ClientID, origin: ServerOrigin
    ) async throws -> HTTPResponse {
        guard let scope = draft.scope, !draft.resources.isEmpty else {
            throw OAuthError(.serverError, "there is nothing here that could be authorized")
        }
        let time = service.now
        // A user code is short: now and then one is taken already.
        for _ in 0..<DeviceAuthorizationEndpoint.attempts {
            let device = IssuedSecret.make(.deviceCode)
            let userCode = UserCode.make()
            let isStored = try await service.store.begin(
                DeviceAuthorization(
                    id: device.digest, userCode: userCode.digest, client: client, scope: scope,
                    resources: draft.resources.map(\.uri), issuer: origin.description, beganAt: time,
                    expiresAt: time + policy.lifetime), capacity: policy.capacity)
            if isStored { return answer(device, userCode, origin) }
        }
        throw OAuthError(.temporarilyUnavailable, "no code is free")
    }

    private func answer(_ device: IssuedSecret, _ userCode: UserCode, _ origin: ServerOrigin) -> HTTPResponse {
        let page = origin.uri(path: DeviceEndpoint.path)
        return JSONAnswer.make(
            .ok,
            [
                "device_code": .string(device.text), "user_code": .string(userCode.text),
                "verification_uri": .string(page),
                "verification_uri_complete": .string(page + "?user_code=" + userCode.text),
                "expires_in": .integer(policy.lifetime.components.seconds), "interval": 5,
            ])
    }
}
