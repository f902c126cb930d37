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
    private struct State {
        var keys: [SigningKey]
        /// The reading that `keys` came of; an earlier one that ends later changes nothing.
        var reading = 0
        var lastReading = 0

        /// A key is a large value to copy.
        func position(of id: [UInt8]) -> Int? {
            for position in keys.indices where keys[position].record.id.hasBytes(of: id) { return position }
            return nil
        }
    }

    private let store: any AuthorizationStore
    private let sealing: SealingKey
    private let state: Mutex<State>

    private init(store: any AuthorizationStore, sealing: SealingKey, keys: [SigningKey]) {
        self.store = store
        self.sealing = sealing
        state = Mutex(State(keys: keys))
    }

    /// Opens the stored keys; the first start makes one for each algorithm, so that a change of the algorithm is known
    /// everywhere at once. Of two processes that start at once both get the same ones. Throws when a stored key cannot be
    /// unsealed.
    package static func open(
        store: any AuthorizationStore, sealing: SealingKey, at now: Timestamp
    ) async throws -> SigningKeyring {
        var records = try await store.signingKeys()
        if records.isEmpty {
            let fresh = try await BlockingExecutor.shared.run {
                try SignatureAlgorithm.allCases.map {
                    try SigningKey.make($0, sealing: sealing, at: now, signsFrom: now)
                }
            }
            records = try await store.establish(fresh)
        }
        return SigningKeyring(
            store: store, sealing: sealing, keys: try records.map { try SigningKey($0, sealing: sealing) })
    }

    /// Reads the store again: another process may have rotated. Keys that are known already cost nothing.
    package func refresh() async throws {
        let reading = state.withLock { state in
            state.lastReading += 1
            return state.lastReading
        }
        let records = try await store.signingKeys()
        let known = state.withLock { $0.keys }
        let fresh = try records.map { record in
            try known.first { $0.record == record } ?? SigningKey(record, sealing: sealing)
        }
        state.withLock { state in
            guard reading > state.reading else { return }
            state.reading = reading
            state.keys = fresh
        }
    }

    /// Signs an access token with the key of `algorithm` that is its turn; while that algorithm has none that may sign
    /// yet, with the newest one of another.
    func sign(_ claims: AccessTokenClaims, algorithm: SignatureAlgorithm, at now: Timestamp) throws -> String {
        try sign(claims.serialized(), type: "at+jwt", algorithm: algorithm, at: now)
    }

    /// The same for other statements of ours. `type` keeps one kind from being taken for another (RFC 8725 §3.11).
    package func sign(
        _ payload: [UInt8], type: String, algorithm: SignatureAlgorithm, at now: Timestamp
    ) throws -> String {
        let ready = keys.filter { $0.record.signsFrom <= now }
        let fitting = ready.filter { $0.algorithm == algorithm }
        let candidates = fitting.isEmpty ? ready : fitting
        guard let key = candidates.max(by: { SigningKeyState.precedes($0.record, $1.record) }) else {
            throw StoreError(.corrupt, detail: "there is no signing key")
        }
        return try CompactJWS.sign(payload, type: type, keyID: key.record.id, key: key.privateKey)
    }

    /// The public half of every key that verifies (RFC 7517 §5).
    var keySet: JSONWebKeySet {
        JSONWebKeySet(keys: keys.map { JSONWebKey($0.publicKey) })
    }

    /// What may be done with the keys of this keyring's store.
    func administration(clock: WallClock, audit: any AuditLog) -> KeyAdministration {
        KeyAdministration(store: store, sealing: sealing, clock: clock, audit: audit)
    }

    private var keys: [SigningKey] { state.withLock { $0.keys } }
}

extension SigningKeyring: VerificationKeySource {
    package func verificationKey(id: [UInt8]) -> PublicKey? {
        state.withLock { state in
            state.position(of: id).map { state.keys[$0].publicKey }
        }
    }

    package func hasVerificationKey(id: [UInt8]) -> Bool {
        state.withLock { $0.position(of: id) != nil }
    }
}
