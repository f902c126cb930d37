package import OAuth
package import Telemetry

/// An authorization request that a client left here before it sends a browser with its reference (RFC 9126).
package struct PushedRequest: Sendable, Hashable {
    /// SHA-256 of the `request_uri`.
    package var id: SecretDigest
    /// Who pushed it, and alone may use it.
    package var client: ClientID
    /// The parameters, form-encoded.
    package var parameters: [UInt8]
    /// When it came.
    package var pushedAt: Timestamp
    /// From this time on it is refused.
    package var expiresAt: Timestamp

    /// Creates a record as it is stored.
    package init(
        id: SecretDigest, client: ClientID, parameters: [UInt8], pushedAt: Timestamp, expiresAt: Timestamp
    ) {
        self.id = id
        self.client = client
        self.parameters = parameters
        self.pushedAt = pushedAt
        self.expiresAt = expiresAt
    }
}

/// What came of taking a pushed request.
package enum PushedRequestTaking: Sendable, Hashable {
    /// First use: these are its parameters, and it is gone now.
    case taken(parameters: [UInt8])
    /// Another client pushed it; nothing changed (A17).
    case wrongClient
    /// Its time is over.
    case expired
    /// There is none with this id, or it was taken before.
    case unknown
}

/// Pushed authorization requests: single use, bound to their client, short.
package protocol PushedRequestStore: Sendable {
    /// Stores a request. Beyond `capacity` the oldest ones give way: a flood of `/par` cannot fill the disk.
    func push(_ request: PushedRequest, capacity: Int) async throws(StoreError)

    /// Takes a request out, in one act with every check: of any number of racing calls exactly one gets it.
    func take(_ id: SecretDigest, of client: ClientID, at now: Timestamp) async throws(StoreError)
        -> PushedRequestTaking
}
