import HTTP
import OAuth

/// What a client may register here, beyond what `ClientMetadata` demands of every client.
struct RegistrationRules {
    /// What a client may have that nobody vouches for: grants in which a user decides. Refresh tokens come with them.
    static let grantTypes = ["authorization_code", "refresh_token", DeviceCodeGrant.type]

    /// The origin that the client uses.
    let origin: ServerOrigin
    let service: AuthorizationService

    /// The metadata as we accept it: what we do not offer is left out, as RFC 7591 §3.2.1 allows, and the answer says so.
    func apply(to metadata: ClientMetadata) throws(OAuthError) -> ClientMetadata {
        // A14: a redirect to ourselves would hand a code to our own pages, or loop.
        guard !metadata.redirectURIs.contains(where: { isOwn($0) }) else {
            throw OAuthError(.invalidRedirectURI, "a redirect URI must not lead to this server")
        }
        guard service.configuration.allowsOutOfBand || !metadata.redirectURIs.contains(where: \.isOutOfBand) else {
            throw OAuthError(
                .invalidRedirectURI, "codes are not shown to users here; register http://127.0.0.1/callback instead")
        }
        var accepted = metadata
        accepted.grantTypes = try RegistrationRules.accepted(metadata, service.configuration.grants)
        accepted.responseTypes = metadata.grantTypes.contains("authorization_code") ? ["code"] : []
        return accepted
    }

    /// Those of the grant types that a client may have whom nobody vouches for. With `grants.acceptsIdentityAssertions` an
    /// identity provider vouches for it in each assertion, to which it has to prove that it is the one named there.
    static func accepted(_ metadata: ClientMetadata, _ grants: GrantPolicy) throws(OAuthError) -> [String] {
        let offered = grantTypes.filter { grants.devices.isEnabled || $0 != DeviceCodeGrant.type }
        let asksUsers = offered.contains { $0 != "refresh_token" && metadata.grantTypes.contains($0) }
        var accepted = offered.filter { metadata.grantTypes.contains($0) || $0 == "refresh_token" && asksUsers }
        if grants.acceptsIdentityAssertions, metadata.tokenEndpointAuthMethod != .none,
            metadata.grantTypes.contains(JWTBearerGrant.type)
        {
            accepted.append(JWTBearerGrant.type)
        }
        guard accepted.contains(where: { $0 != "refresh_token" }) else {
            guard grants.devices.isEnabled || !metadata.grantTypes.contains(DeviceCodeGrant.type) else {
                throw OAuthError(
                    .invalidClientMetadata,
                    "the device grant is switched off here; grant_types must contain authorization_code")
            }
            throw OAuthError(.invalidClientMetadata, "grant_types must contain authorization_code or the device grant")
        }
        return accepted
    }

    private func isOwn(_ uri: RedirectURI) -> Bool {
        guard let other = uri.origin else { return false }
        return service.hosts.isOwn(origin: other)
    }
}
