import OAuth

/// What a consent is for: user, client with its name and redirect URIs, redirect host, scopes and resources. Any change is
/// another consent, and is asked again (U04, A16).
struct ConsentKey {
    private let parts: [String]

    /// The key of a request.
    init(_ pending: PendingAuthorization, _ redirect: ProvenRedirect, user: UserID) {
        parts =
            [user.value, pending.client.value, redirect.client.displayName, redirect.displayHost, "scope"]
            + pending.scope.tokens.sorted() + ["resource"] + pending.resources.sorted() + ["redirect_uris"]
            + redirect.client.metadata.redirectURIs.map(\.text).sorted()
    }

    /// Each part with its length before it: no two keys run together.
    var digest: SecretDigest { SecretDigest(lengthCoding: parts) }
}
