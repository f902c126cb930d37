package import HTTP

extension AuthorizationService {
    /// Puts on `router`, which is that of `site` where a resource of ours stands, what clients ask for there that look no
    /// further: metadata in all its positions, and under the names of 2025-03-26 registration, tokens and the way to the
    /// login. All of it speaks for `issuer`. No page is shown and no cookie set but there.
    package func register(forResourceAt site: HTTPURL, of issuer: HTTPURL, on router: inout HTTPRouter) {
        var own = HTTPRouter()
        MetadataEndpoint(service: self).register(on: &own)
        if configuration.registration.isEnabled { RegistrationEndpoint(service: self).register(on: &own) }
        TokenEndpoint(service: self, site: ServerOrigin(site)).register(on: &own)
        let responder = AtIssuer(authority: HostPolicy.authorities(of: issuer)[0], next: own)
        for path in MetadataEndpoint.positions + RegistrationEndpoint.paths + TokenEndpoint.paths {
            for method in [HTTPMethod.get, .post, .options] { router.on(method, path, responder) }
        }
        for path in AuthorizationEndpoint.paths {
            router.on(.get, path) { request, _ in
                Redirect.to(issuer.origin + path + (request.query.map { "?\($0)" } ?? ""))
            }
        }
    }
}

/// Answers as if the client had asked the issuer itself.
private struct AtIssuer: HTTPResponder {
    let authority: String
    let next: HTTPRouter

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        var request = request
        request.authority = authority
        return await next.respond(to: request, body: body)
    }
}
