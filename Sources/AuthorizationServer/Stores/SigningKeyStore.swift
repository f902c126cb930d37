package import Telemetry

/// A signing key as it is stored: sealed.
package struct SigningKeyRecord: Sendable, Hashable {
    /// `kid` of the tokens: the key's JWK thumbprint (RFC 7638).
    package var id: String
    /// `RS256`, `ES256` or `EdDSA`.
    package var algorithm: String
    /// The private key (PKCS#8 DER) under AES-256-GCM, authenticated with `id`; its key is not in the store.
    package var sealedPrivateKey: [UInt8]
    /// When it was made. The newest key of an algorithm whose `signsFrom` has passed signs.
    package var createdAt: Timestamp
    /// Published before, signs from here: verifiers have seen it by then.
    package var signsFrom: Timestamp
    /// When it stopped being trusted; `nil` while it verifies.
    package var retiredAt: Timestamp?

    /// Creates a record as it is stored.
    package init(
        id: String, algorithm: String, sealedPrivateKey: [UInt8], createdAt: Timestamp, signsFrom: Timestamp,
        retiredAt: Timestamp? = nil
    ) {
        self.id = id
        self.algorithm = algorithm
        self.sealedPrivateKey = sealedPrivateKey
        self.createdAt = createdAt
        self.signsFrom = signsFrom
        self.retiredAt = retiredAt
    }
}

/// Signing keys.
package protocol SigningKeyStore: Sendable {
    /// Stores these keys when there are none at all and returns what is stored then: of two processes that start at
    /// once, both get the same keys.
    func establish(_ initial: [SigningKeyRecord]) async throws(StoreError) -> [SigningKeyRecord]

    /// Every key that is not retired, oldest first.
    func signingKeys() async throws(StoreError) -> [SigningKeyRecord]

    /// Adds a key, for rotation; false when there is a trusted key of its algorithm that was made after `threshold`: of
    /// two processes that rotate at once one does. Nil adds it whatever there is.
    func add(_ key: SigningKeyRecord, unlessCreatedAfter threshold: Timestamp?) async throws(StoreError) -> Bool

    /// Stops trusting a key, and forgets its private half, unless nothing of its algorithm could sign without it: of two
    /// that retire each other's successor at once one does.
    func retire(_ id: String, at now: Timestamp) async throws(StoreError) -> KeyRetirement
}
