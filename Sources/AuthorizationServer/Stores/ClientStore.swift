package import OAuth
package import Telemetry

/// A client that registered itself (RFC 7591), or that an operator added.
package struct ClientRecord: Sendable, Hashable {
    /// The `client_id` that we issued.
    package var id: ClientID
    /// The registered metadata as a JSON object (RFC 7591 §2), without secrets.
    package var metadata: [UInt8]
    /// SHA-256 of the client secret, for confidential clients; `nil` for public ones.
    package var secretDigest: SecretDigest?
    /// SHA-256 of the registration access token (RFC 7592 §3); nil where nobody but the operator manages it.
    package var registrationDigest: SecretDigest?
    /// An operator added it: it is kept, used or not, and its metadata bind it.
    package var isManaged: Bool
    /// A client of the operator's own, which may skip the question for consent.
    package var isFirstParty: Bool
    /// The resources that it may have tokens for, as paths of ours; nil means all.
    package var resources: [String]?
    /// When it registered: `client_id_issued_at`.
    package var registeredAt: Timestamp
    /// When it last got a code or token; `nil` means never.
    package var lastUsedAt: Timestamp?

    /// Creates a record as it is stored.
    package init(
        id: ClientID, metadata: [UInt8], secretDigest: SecretDigest? = nil, registrationDigest: SecretDigest? = nil,
        isManaged: Bool = false, isFirstParty: Bool = false, resources: [String]? = nil, registeredAt: Timestamp,
        lastUsedAt: Timestamp? = nil
    ) {
        self.id = id
        self.metadata = metadata
        self.secretDigest = secretDigest
        self.registrationDigest = registrationDigest
        self.isManaged = isManaged
        self.isFirstParty = isFirstParty
        self.resources = resources
        self.registeredAt = registeredAt
        self.lastUsedAt = lastUsedAt
    }
}

/// What came of a registration.
package enum ClientRegistrationOutcome: Sendable, Hashable {
    /// The client is stored.
    case registered
    /// There are `capacity` clients already and none that may be dropped.
    case full
}

/// Registered clients.
package protocol ClientStore: Sendable {
    /// Stores a new client. At `capacity`, the oldest client that was never used and registered before `evictableBefore`
    /// gives way, else the answer is `.full`. Managed clients give way to nobody.
    func register(
        _ client: ClientRecord, capacity: Int, evictableBefore: Timestamp
    ) async throws(StoreError) -> ClientRegistrationOutcome

    /// The client with this identifier.
    func client(_ id: ClientID) async throws(StoreError) -> ClientRecord?

    /// Notes that the client is in use. A backend may leave the stored time up to an hour behind.
    func markUsed(_ id: ClientID, at now: Timestamp) async throws(StoreError)

    /// Removes clients never used and registered before `neverUsedBefore`, and clients last used before `idleBefore`
    /// which have no live grant; returns how many. Managed clients stay.
    func removeClients(neverUsedBefore: Timestamp, idleBefore: Timestamp) async throws(StoreError) -> Int
}
