package import Telemetry

/// Every store that the authorization server needs, from one backend.
///
/// Rules that hold for each verb of each protocol:
/// - A verb is one atomic, durable act: when it returns, the effect survives `kill -9`, and of two racing calls one
///   sees the other's effect.
/// - Time is passed in. A backend keeps the latest time it has been given as a high-water mark and works with
///   `max(at, mark)`: a clock set back revives nothing that was already refused.
/// - Expiry is decided at read from the stored times; the sweeper only saves room.
/// - Secrets arrive as digests or sealed; a dump of the backend holds nothing that can be presented.
/// - Identifiers are compared as bytes.
package typealias AuthorizationStore = ClientStore & ClientRegistrationStore & AuthorizationTransactionStore
    & AuthorizationCodeStore & GrantStore
    & RefreshTokenStore & UserStore & LoginFailureStore & OneTimeLinkStore & BrowserSessionStore & ConsentStore
    & SigningKeyStore & RevocationFeed & ExpirySweeper & OneTimeUseStore & PushedRequestStore & DeviceAuthorizationStore
    & APIKeyStore & StoreSurvey & IdentityStore & ToolPinStore

/// Frees the room of what can no longer matter.
package protocol ExpirySweeper: Sendable {
    /// Removes expired transactions, codes, sessions, pushed requests, device authorizations and notes of one-time uses, used
    /// links, families past their absolute lifetime with their grants, API keys that ended 90 days ago, and revocations older
    /// than `revocationsBefore`; returns how many rows went. Never needed for correctness.
    func sweep(at now: Timestamp, revocationsBefore: Timestamp) async throws(StoreError) -> Int
}
