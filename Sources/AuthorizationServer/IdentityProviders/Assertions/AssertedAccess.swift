import HTTP
import OAuth

/// What an ID-JAG opens: one resource, and never more scope than its issuer, the client's bounds and the request leave
/// (draft-ietf-oauth-identity-assertion-authz-grant §4.4.1, RFC 8707 §2; A13).
struct AssertedAccess {
    /// `aud` of the access token.
    let resource: GrantedResource
    /// `scope` of the access token.
    let scope: Scope

    /// Decides it; `invalid_target` or `invalid_scope` where nothing is left.
    init(
        _ request: TokenRequest, _ assertion: IdentityAssertion.Verified, policy: ResourcePolicy
    ) throws(OAuthError) {
        resource = try Self.resource(request, assertion, policy)
        let offered = policy.scopes(of: [resource])
        let asserted = Scope(tokens: offered.tokens.filter { assertion.scope?.contains($0) ?? true })
        guard let text = request["scope"] else {
            guard !asserted.isEmpty || offered.isEmpty else { throw Self.tooWide }
            scope = asserted
            return
        }
        // Scopes of the server itself have no effect on what a token may do.
        let requested = try Scope(parsing: text).tokens.filter { !ResourcePolicy.serverScopes.contains($0) }
        scope = requested.isEmpty ? asserted : Scope(tokens: requested)
        guard asserted.contains(scope), !scope.isEmpty || offered.isEmpty else { throw Self.tooWide }
    }

    private static let tooWide = OAuthError(
        .invalidScope, "the scope is not one that the assertion, this client and the resource all allow")

    // The issuer may name resources of other servers beside ours; of those that are left the request picks one.
    private static func resource(
        _ request: TokenRequest, _ assertion: IdentityAssertion.Verified, _ policy: ResourcePolicy
    ) throws(OAuthError) -> GrantedResource {
        let asserted = own(assertion.resources, policy)
        guard !asserted.isEmpty else {
            throw OAuthError(.invalidTarget, "the assertion names no resource that this client may use here")
        }
        let wanted = request.resources.isEmpty ? asserted : try policy.resolve(request.resources)
        guard wanted.count == 1, request.resources.count <= 1, let resource = wanted.first else {
            throw OAuthError(.invalidTarget, "name exactly one resource of the assertion")
        }
        guard asserted.contains(resource) else {
            throw OAuthError(.invalidTarget, "the resource is not one of the assertion")
        }
        return resource
    }

    private static func own(_ names: [String], _ policy: ResourcePolicy) -> [GrantedResource] {
        var found: [GrantedResource] = []
        for name in names {
            // What is not ours, or not for this client, is passed over (§4.4.1).
            guard let resource = try? policy.resolve([name]).first, !found.contains(resource) else { continue }
            found.append(resource)
        }
        return found
    }
}
