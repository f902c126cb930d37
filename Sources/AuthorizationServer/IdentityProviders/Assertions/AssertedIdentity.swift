import OAuth

/// Who the user of an ID-JAG is.
struct AssertedIdentity {
    /// By this assertion alone: what the allow-list is asked about.
    let said: ProviderIdentity
    /// With what the provider said before about a known user and the assertion does not mention: what is stored. An
    /// assertion need not say what an ID token says, and must not empty an account.
    let completed: ProviderIdentity

    /// Reads the claims as those of a login by the same provider.
    init(_ claims: LoginClaims, of provider: AssertingProvider, known: ProviderIdentity?) {
        said = provider.claims.identity(claims, issuer: provider.issuer)
        var completed = said
        if let known {
            let places = provider.claims
            let pairs: [(AccessKey.Kind, String?)] = [
                (.user, places.userClaim.name), (.group, places.groupsClaim), (.domain, places.domainClaim),
            ]
            for (kind, place) in pairs {
                guard let place, claims[place] == nil else { continue }
                completed.facts += known.facts.filter { $0.isOf(kind) }
            }
            if let place = places.groupsClaim, claims[place] == nil { completed.groups = known.groups }
            for place in places.others where claims[place] == nil {
                completed.claims[place] = known.claims[place]
            }
            if claims["email"] == nil { completed.email = known.email }
            if OpenIDClaims.names.allSatisfy({ claims[$0] == nil }) { completed.name = known.name }
        }
        self.completed = completed
    }
}
