import HTTP
import OAuth
import Telemetry

/// Step 2: on whose behalf a request acts, or the challenge that says where to get a token (b2, b4, b5, R01–R04).
struct BearerAuthentication: Sendable {
    let method: GatewayConfiguration.Authentication
    let resource: ProtectedResource
    /// Our own authorization server, where clients do not know it by the name of the resource.
    let issuer: String?
    /// Nil where only bearer tokens are taken.
    let proofs: ProofCheck?
    let logger = Logger(label: "gateway")

    init(
        _ method: GatewayConfiguration.Authentication, resource: ProtectedResource, issuer: String? = nil,
        proofs: ProofCheck? = nil
    ) {
        self.method = method
        self.resource = resource
        self.issuer = issuer
        self.proofs = proofs
    }

    /// The principal. Whatever goes wrong ends here: nothing is forwarded that was not verified (R04).
    func principal(of request: HTTPRequest, at origin: ServerOrigin) async throws(EndpointRefusal) -> Principal {
        guard case .bearer(let verifier) = method else { return .anonymous }
        let presented = presented(by: request, at: origin)
        switch presented.credentials {
        case .none:
            if let proofs, case .token(let token) = DPoPCredentials(request.fields) {
                return try await principal(of: request, bearing: token, at: origin, verifier, proofs)
            }
            throw refusal(.unauthorized, nil, origin)
        case .malformed:
            throw refusal(.badRequest, .invalidRequest, origin)
        case .token(let token):
            do throws(AccessTokenRejection) {
                if let token = presented.token,
                    let principal = try verifier.verifyAtOnce(
                        token, for: presented.audience, issuer: issuer ?? origin.description)
                {
                    return principal
                }
                return try await verifier.verify(
                    token, for: presented.audience, issuer: issuer ?? origin.description)
            } catch {
                logger.debug(
                    "a token was refused",
                    ["request_id": .string(request.id.value), "reason": .string(error.detail)])
                throw refusal(for: error.kind, origin)
            }
        }
    }

    /// What the head of a request says about its sender; what that is worth is asked for each request.
    private final class Presented: Sendable {
        let credentials: BearerCredentials
        let token: PresentedToken?
        /// The resource that the token must be for.
        let audience: String

        init(_ fields: HTTPFields, audience: String) {
            credentials = BearerCredentials.parse(fields)
            if case .token(let text) = credentials { token = PresentedToken(text) } else { token = nil }
            self.audience = audience
        }
    }

    private func presented(by request: HTTPRequest, at origin: ServerOrigin) -> Presented {
        if let known = request.memory?.noted(Presented.self) { return known }
        let made = Presented(request.fields, audience: origin.uri(path: resource.path))
        return request.memory?.note { made } ?? made
    }

    /// Step 8's refusal: the token is good, its scope is not enough (b6).
    func insufficientScope(_ needed: [String], at origin: ServerOrigin) -> EndpointRefusal {
        challenge(.forbidden, .insufficientScope, scope: Scope(tokens: needed), origin)
    }

    func refusal(for kind: AccessTokenRejection.Kind, _ origin: ServerOrigin) -> EndpointRefusal {
        switch kind {
        case .invalid: return refusal(.unauthorized, .invalidToken, origin)
        case .insufficientScope: return refusal(.forbidden, .insufficientScope, origin)
        case .unavailable:
            var response = HTTPResponse.text(.serviceUnavailable, "Tokens cannot be verified at the moment.")
            response.fields.append("Retry-After", "1")
            return EndpointRefusal(response)
        }
    }

    private func refusal(_ status: HTTPStatus, _ error: OAuthError.Code?, _ origin: ServerOrigin) -> EndpointRefusal {
        challenge(status, error, scope: Scope(tokens: resource.scopes), origin)
    }

    func challenge(
        _ status: HTTPStatus, _ error: OAuthError.Code?, scope: Scope, proof: OAuthError.Code? = nil,
        _ origin: ServerOrigin
    ) -> EndpointRefusal {
        let challenge = BearerChallenge(
            error: error, scope: scope,
            resourceMetadata: origin.uri(path: ProtectedResourceEndpoint.wellKnown + resource.path))
        var response = HTTPResponse.text(status, "This resource needs an access token; see WWW-Authenticate.")
        response.fields.append("WWW-Authenticate", challenge.value)
        // After the bearer challenge: many clients read the first one only.
        if proofs != nil { response.fields.append("WWW-Authenticate", DPoPChallenge(error: proof).value) }
        return EndpointRefusal(response)
    }
}
