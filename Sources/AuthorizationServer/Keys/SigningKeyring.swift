import AsyncIO
package import Crypto
import JSON
import OAuth
import Synchronization
package import Telemetry

/// The signing keys in memory: one that signs for each algorithm, all that verify, their public halves as JWKS.
///
/// A `Mutex` because a rotation replaces the set while every loop reads it; readers copy a reference out.
package final class SigningKeyring: Sendable {
    /// A key, unsealed.
    struct Key: Sendable {
        let record: SigningKeyRecord
        let algorithm: SignatureAlgorithm
        let privateKey: PrivateKey
        let publicKey: PublicKey
    }

    private static let algorithms: [SignatureAlgorithm] = [.rs256, .es256]

    private let store: any AuthorizationStore
    private let sealing: SealingKey
    private let keys: Mutex<[Key]>

    private init(store: any AuthorizationStore, sealing: SealingKey, keys: [Key]) {
        self.store = store
        self.sealing = sealing
        self.keys = Mutex(keys)
    }

    /// Opens the stored keys; the first start makes one for each algorithm. Of two processes that start at once both get
    /// the same ones. Throws when a stored key cannot be unsealed: guessing on would sign with keys nobody trusts.
    package static func open(
        store: any AuthorizationStore, sealing: SealingKey, at now: Timestamp
    ) async throws -> SigningKeyring {
        var records = try await store.signingKeys()
        if records.isEmpty {
            let fresh = try await BlockingExecutor.shared.run {
                try algorithms.map { try make($0, sealing: sealing, at: now, signsFrom: now) }
            }
            records = try await store.establish(fresh)
        }
        return SigningKeyring(store: store, sealing: sealing, keys: try records.map { try unseal($0, sealing) })
    }

    /// Reads the store again: another process may have rotated.
    package func refresh() async throws {
        let fresh = try await store.signingKeys().map { try SigningKeyring.unseal($0, sealing) }
        keys.withLock { $0 = fresh }
    }

    /// Adds a key that signs from `signsFrom` on; until then it is published, so that verifiers know it in time (T08).
    package func rotate(_ algorithm: SignatureAlgorithm, at now: Timestamp, signsFrom: Timestamp) async throws {
        let sealing = sealing
        let record = try await BlockingExecutor.shared.run {
            try SigningKeyring.make(algorithm, sealing: sealing, at: now, signsFrom: signsFrom)
        }
        try await store.add(record)
        try await refresh()
    }

    /// Stops trusting a key: its tokens are refused from now on.
    package func retire(_ id: String, at now: Timestamp) async throws {
        try await store.retire(id, at: now)
        try await refresh()
    }

    /// Signs an access token with the newest key of the algorithm that may sign.
    func sign(_ claims: AccessTokenClaims, algorithm: SignatureAlgorithm, at now: Timestamp) throws -> String {
        let candidates = keys.withLock { $0 }.filter { $0.algorithm == algorithm && $0.record.signsFrom <= now }
        guard let key = candidates.max(by: { $0.record.signsFrom < $1.record.signsFrom }) else {
            throw StoreError(.corrupt, detail: "there is no signing key for \(algorithm.rawValue)")
        }
        return try CompactJWS.sign(
            claims.serialized(), type: "at+jwt", keyID: key.record.id, key: key.privateKey)
    }

    /// The public half of every key that verifies (RFC 7517 §5).
    var keySet: JSONWebKeySet {
        JSONWebKeySet(keys: keys.withLock { $0 }.map { JSONWebKey($0.publicKey) })
    }

    private static func make(
        _ algorithm: SignatureAlgorithm, sealing: SealingKey, at now: Timestamp, signsFrom: Timestamp
    ) throws -> SigningKeyRecord {
        let key = try PrivateKey.generate(algorithm)
        let id = JSONWebKey(try key.publicKey()).thumbprint
        let sealed = try sealing.seal(try key.der(), authenticating: Array(id.utf8))
        return SigningKeyRecord(
            id: id, algorithm: algorithm.rawValue, sealedPrivateKey: sealed, createdAt: now, signsFrom: signsFrom)
    }

    private static func unseal(_ record: SigningKeyRecord, _ sealing: SealingKey) throws -> Key {
        guard let algorithm = SignatureAlgorithm(rawValue: record.algorithm),
            let der = sealing.open(record.sealedPrivateKey, authenticating: Array(record.id.utf8))
        else { throw StoreError(.corrupt, detail: "a signing key cannot be unsealed: is this the right sealing key?") }
        let key = try PrivateKey(der: der)
        return Key(record: record, algorithm: algorithm, privateKey: key, publicKey: try key.publicKey())
    }
}

extension SigningKeyring: VerificationKeySource {
    package func verificationKey(id: [UInt8]) -> PublicKey? {
        keys.withLock { $0 }.first { $0.record.id.utf8.elementsEqual(id) }?.publicKey
    }
}
