package import OAuth
package import Telemetry

/// What clients and operators do with registrations that are there (RFC 7592).
///
/// A registration access token rotates with an overlap: beside the current token the one that was presented for its making
/// is good until the current one has been presented. A client that lost the answer is not locked out; one that read it has
/// one token.
package protocol ClientRegistrationStore: Sendable {
    /// The client, when `token` is one of its registration access tokens. Presenting the current one ends the one before.
    func client(_ id: ClientID, presenting token: SecretDigest) async throws(StoreError) -> ClientRecord?

    /// Replaces metadata and secret and makes `successor` the current token, `token` the one before. False, and nothing
    /// changed, when `token` is none of its tokens.
    func replace(
        _ id: ClientID, metadata: [UInt8], secretDigest: SecretDigest?, presenting token: SecretDigest,
        successor: SecretDigest
    ) async throws(StoreError) -> Bool

    /// Removes a client with its consents, ends its live grants and burns its unredeemed codes; returns the grants that
    /// ended. Nil when there is no such client, or when `token` is given and none of its tokens.
    func removeClient(
        _ id: ClientID, presenting token: SecretDigest?, at now: Timestamp
    ) async throws(StoreError) -> [GrantID]?

    /// Up to `limit` clients whose identifiers come after `id` in byte order; from the first with nil.
    func clients(after id: ClientID?, limit: Int) async throws(StoreError) -> [ClientRecord]
}
