package import OAuth
package import Telemetry

/// A device that waits for its user to allow it something in a browser elsewhere (RFC 8628).
package struct DeviceAuthorization: Sendable, Hashable {
    /// Where it stands.
    package enum Stage: String, Sendable, Hashable, CaseIterable {
        /// Nobody has decided.
        case pending
        /// A user said yes; the device has not asked since.
        case approved
        /// A user said no, or was disabled after a yes.
        case denied
        /// The device has its tokens.
        case redeemed
    }

    /// SHA-256 of the device code.
    package var id: SecretDigest
    /// SHA-256 of the user code, in the one form in which it is compared.
    package var userCode: SecretDigest
    /// Who asks.
    package var client: ClientID
    /// What it asks for.
    package var scope: Scope
    /// For which resources, canonical absolute URIs.
    package var resources: [String]
    /// The issuer that the client used.
    package var issuer: String
    /// Where it stands.
    package var stage: Stage
    /// What the user allowed; `nil` until then.
    package var grant: GrantRecord?
    /// When it began.
    package var beganAt: Timestamp
    /// From this time on it is over, decided or not.
    package var expiresAt: Timestamp
    /// The least time between two polls, in milliseconds; grows with each poll that comes too early.
    package var interval: Int64
    /// When the device last asked; `nil` means never.
    package var polledAt: Timestamp?

    /// Creates a record as it is stored.
    package init(
        id: SecretDigest, userCode: SecretDigest, client: ClientID, scope: Scope, resources: [String], issuer: String,
        stage: Stage = .pending, grant: GrantRecord? = nil, beganAt: Timestamp, expiresAt: Timestamp,
        interval: Int64 = 5000, polledAt: Timestamp? = nil
    ) {
        self.id = id
        self.userCode = userCode
        self.client = client
        self.scope = scope
        self.resources = resources
        self.issuer = issuer
        self.stage = stage
        self.grant = grant
        self.beganAt = beganAt
        self.expiresAt = expiresAt
        self.interval = interval
        self.polledAt = polledAt
    }

    /// How much a poll that came too early adds to the interval (RFC 8628 §3.5), in milliseconds.
    package static let slowDown: Int64 = 5000
    /// The interval never grows beyond this, in milliseconds.
    package static let longestInterval: Int64 = 60_000
}

/// What came of a user's decision.
package enum DeviceDecision: Sendable, Hashable {
    /// It counts.
    case decided
    /// Somebody decided before; that one counts.
    case alreadyDecided
    /// Its time is over.
    case expired
    /// There is none with this id.
    case unknown
}

/// What a device learns when it asks.
package enum DevicePoll: Sendable, Hashable {
    /// Nobody has decided yet.
    case pending
    /// It asked before the interval was over, which is 5 s longer now.
    case slowDown
    /// The user said no.
    case denied
    /// Its time is over.
    case expired
    /// The user said yes: the grant is stored with its refresh token, by this act.
    case redeemed(GrantRecord)
    /// It had its tokens before: the grant is revoked now, by this act.
    case reused(GrantID)
    /// Another client began it; nothing changed.
    case wrongClient
    /// There is none with this id.
    case unknown
}

/// Devices that wait for their users.
package protocol DeviceAuthorizationStore: Sendable {
    /// Stores a new one; `false` when its user code is in use. Beyond `capacity` the oldest ones give way.
    func begin(_ authorization: DeviceAuthorization, capacity: Int) async throws(StoreError) -> Bool

    /// The one with this user code, decided and expired ones too.
    func deviceAuthorization(userCode: SecretDigest) async throws(StoreError) -> DeviceAuthorization?

    /// Decides a pending one: with a grant it is approved, without one denied. Of two decisions the first counts.
    func decide(_ id: SecretDigest, grant: GrantRecord?, at now: Timestamp) async throws(StoreError) -> DeviceDecision

    /// Answers a device, in one act with every check. In order: unknown, wrong client, reused, expired, denied, slow down,
    /// pending. Of any number of racing polls of an approved one exactly one gets `.redeemed`: its grant is stored, bound to
    /// `keyThumbprint` when there is one, and `refreshToken` becomes generation 0 of its family.
    func poll(
        _ id: SecretDigest, of client: ClientID, refreshToken: SecretDigest, keyThumbprint: String?, at now: Timestamp
    ) async throws(StoreError) -> DevicePoll
}
