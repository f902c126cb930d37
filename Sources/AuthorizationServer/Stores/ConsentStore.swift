package import OAuth
package import Telemetry

/// That a user allowed exactly this once before (U04).
package struct ConsentRecord: Sendable, Hashable {
    /// SHA-256 over user, client, redirect host, scopes and resources, each length-coded: any change is another consent.
    package var id: SecretDigest
    /// Who allowed it.
    package var user: UserID
    /// To whom.
    package var client: ClientID
    /// When it was last given.
    package var givenAt: Timestamp

    /// Creates a record as it is stored.
    package init(id: SecretDigest, user: UserID, client: ClientID, givenAt: Timestamp) {
        self.id = id
        self.user = user
        self.client = client
        self.givenAt = givenAt
    }
}

/// Remembered consents.
package protocol ConsentStore: Sendable {
    /// Remembers a consent.
    func remember(_ consent: ConsentRecord) async throws(StoreError)

    /// Whether exactly this was allowed after `notBefore`.
    func isRemembered(_ id: SecretDigest, notBefore: Timestamp) async throws(StoreError) -> Bool

    /// Forgets what a user allowed a client.
    func forgetConsents(of user: UserID, to client: ClientID) async throws(StoreError)
}
