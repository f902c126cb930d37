package import HTTP
import OAuth
import Telemetry

/// `/verify`: Traefik ForwardAuth, nginx `auth_request` and Caddy `forward_auth` ask here, for each request to an MCP server
/// behind them, whether it may pass.
///
/// Three answers, because nginx knows no others: 200 with who it is, 401 with the challenge, 403. A 503 says that nothing
/// can be said at the moment, a 429 that somebody comes too often; every proxy takes both as a no (R04).
package struct VerifyEndpoint: HTTPResponder {
    private let configuration: ForwardAuthConfiguration
    /// Nil where nobody can come too often.
    private let rates: RequestRates?
    private let outcomes: VerifyOutcomes
    private let logger = Logger(label: "verify")

    init(_ configuration: ForwardAuthConfiguration, rates: RequestRates?) {
        self.configuration = configuration
        self.rates = rates
        outcomes = VerifyOutcomes(configuration.tally, in: configuration.metrics)
    }

    /// Puts it on its path. The method is the proxy's choice and says nothing.
    package func register(on router: inout HTTPRouter) {
        for method in HTTPMethod.allCases { router.on(method, "/verify", self) }
    }

    /// Decides. `Host` is not looked at: a proxy asks under the name that it has for us.
    package func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        var seen = VerifyOutcomes.Seen(request)
        do throws(EndpointRefusal) {
            let asked = try resource(request)  // 1 what is asked for
            seen.server = asked?.name
            let token = try token(request, asked)  // 2 the credential
            seen.hasToken = true
            let principal = try await principal(token, asked, request, &seen)  // 3 on whose behalf, if it may
            try checkScope(principal, asked, request)  // 4 with which scopes
            try checkRate(principal, asked, request)  // 5 rate limit
            let response = try answer(principal, token, request)  // 6 nobody else speaks in its name
            outcomes.count(response.status, seen)
            return response
        } catch {
            outcomes.count(error.response.status, seen)
            return error.response
        }
    }

    /// What stands elsewhere is counted here. An endpoint of ours counts for itself, when the request gets there.
    private func checkRate(
        _ principal: Principal, _ asked: ProtectedResource?, _ request: HTTPRequest
    ) throws(EndpointRefusal) {
        guard let rates, asked?.isElsewhere ?? true,
            let seconds = rates.take(principal, request.remoteAddress, asked?.name, count: 1)
        else { return }
        var response = HTTPResponse.text(.tooManyRequests, "Too many requests")
        response.fields.append("Retry-After", String(seconds))
        throw EndpointRefusal(response)
    }

    private func resource(_ request: HTTPRequest) throws(EndpointRefusal) -> ProtectedResource? {
        switch RequestedResource.find(request, configuration) {
        case .one(let resource): return resource
        case .any: return nil
        case .refused(let reason):
            logger.info(
                "not let through", ["request_id": .string(request.id.value), "reason": .string(reason)])
            throw EndpointRefusal(.text(.forbidden, "There is nothing here that a token could open."))
        }
    }

    private func token(
        _ request: HTTPRequest, _ asked: ProtectedResource?
    ) throws(EndpointRefusal) -> String {
        switch BearerCredentials.parse(request.fields) {
        case .token(let token): return token
        case .malformed: throw challenge(.unauthorized, .invalidRequest, asked, request)
        case .none:
            guard BrowserNavigation.isOne(request) else { throw challenge(.unauthorized, nil, asked, request) }
            var page = configuration.page(asked?.name, origin(request))
            page.fields.append("WWW-Authenticate", challengeText(nil, asked?.scopes ?? [], asked, request))
            throw EndpointRefusal(page)
        }
    }

    private func principal(
        _ token: String, _ asked: ProtectedResource?, _ request: HTTPRequest, _ seen: inout VerifyOutcomes.Seen
    ) async throws(EndpointRefusal) -> Principal {
        let origins = configuration.hosts.possibleOrigins(of: request)
        var rejection = AccessTokenRejection(.invalid, detail: "for no resource of ours")
        var refusal: EndpointRefusal?
        for choice in AskedAudience.choices(token, asked, origins, configuration.directory) {
            do throws(AccessTokenRejection) {
                let principal = try await configuration.verifier.verify(
                    token, for: choice.identifier, issuer: choice.issuer)
                seen.principal = principal
                guard let found = denial(of: principal, choice.resource, asked, request) else { return principal }
                refusal = refusal ?? found
            } catch {
                rejection = error
                if error.kind == .unavailable { break }
            }
        }
        if let refusal { throw refusal }
        logger.debug(
            "a token was refused", ["request_id": .string(request.id.value), "reason": .string(rejection.detail)])
        switch rejection.kind {
        case .invalid: throw challenge(.unauthorized, .invalidToken, asked, request)
        case .insufficientScope: throw challenge(.forbidden, .insufficientScope, asked, request)
        case .unavailable:
            var response = HTTPResponse.text(.serviceUnavailable, "Tokens cannot be verified at the moment.")
            response.fields.append("Retry-After", "1")
            throw EndpointRefusal(response)
        }
    }

    private func denial(
        of principal: Principal, _ resource: ProtectedResource, _ asked: ProtectedResource?, _ request: HTTPRequest
    ) -> EndpointRefusal? {
        guard let missing = configuration.missingScopes(of: principal, for: resource, asked: asked) else { return nil }
        logger.info(
            "the access policy lets nobody of these claims through",
            [
                "request_id": .string(request.id.value), "user": .string(principal.user.value),
                "resource": .string(resource.name),
            ])
        guard !missing.isEmpty else { return EndpointRefusal(.text(.forbidden, "This is not for you.")) }
        // What the token has as well: clients replace what they asked for by what they are told.
        let scopes = Scope(tokens: principal.scope.tokens + missing).tokens
        return challenge(.forbidden, .insufficientScope, resource, request, scopes: scopes)
    }

    private func checkScope(
        _ principal: Principal, _ asked: ProtectedResource?, _ request: HTTPRequest
    ) throws(EndpointRefusal) {
        guard let asked, !asked.requiredScopes.allSatisfy(principal.scope.contains) else { return }
        throw challenge(.forbidden, .insufficientScope, asked, request, scopes: asked.requiredScopes)
    }

    private func answer(
        _ principal: Principal, _ token: String, _ request: HTTPRequest
    ) throws(EndpointRefusal) -> HTTPResponse {
        let identity = IdentityHeaders(principal, token: configuration.forwardsBearer ? token : nil)
        guard !identity.isForged(in: request.fields) else {
            logger.info(
                "a client brought identity headers of its own",
                ["request_id": .string(request.id.value), "client": .string(principal.client.value)])
            throw EndpointRefusal(.text(.forbidden, "A request may not bring identity headers of its own."))
        }
        var fields = identity.fields
        fields.append("Cache-Control", "no-store")
        return HTTPResponse(status: .ok, fields: fields)
    }
}

// MARK: - Challenges

extension VerifyEndpoint {
    private func challenge(
        _ status: HTTPStatus, _ error: OAuthError.Code?, _ asked: ProtectedResource?, _ request: HTTPRequest,
        scopes: [String]? = nil
    ) -> EndpointRefusal {
        var response = HTTPResponse.text(status, "This resource needs an access token; see WWW-Authenticate.")
        response.fields.append(
            "WWW-Authenticate", challengeText(error, scopes ?? asked?.scopes ?? [], asked, request))
        return EndpointRefusal(response)
    }

    private func challengeText(
        _ error: OAuthError.Code?, _ scopes: [String], _ asked: ProtectedResource?, _ request: HTTPRequest
    ) -> String {
        // When nothing in particular was asked for, a token for any endpoint of ours would do.
        let resource = asked ?? configuration.directory.all.first
        let document = resource.map {
            ($0.origin ?? origin(request)) + ProtectedResourceEndpoint.wellKnown + $0.path
        }
        let needed = asked == nil ? resource?.scopes ?? scopes : scopes
        return BearerChallenge(error: error, scope: Scope(tokens: needed), resourceMetadata: document).value
    }

    private func origin(_ request: HTTPRequest) -> String {
        configuration.hosts.possibleOrigins(of: request).first?.description ?? ""
    }
}
