import AsyncIO
package import Crypto
import OAuth
package import Telemetry

/// What an administrator and the schedule do with signing keys, on the store, whether the gateway runs or not. Running
/// gateways read the keys twice a second.
package struct KeyAdministration: Sendable {
    /// What cannot be done, in words for the administrator.
    package enum Refusal: Error, Sendable, Equatable, CustomStringConvertible {
        case unknownKey(String)
        case onlyKey(String)

        package var description: String {
            switch self {
            case .unknownKey(let id): "there is no trusted key \(id)"
            case .onlyKey(let id): "\(id) is the only key of its algorithm that can sign"
            }
        }
    }

    /// A trusted key and where it stands.
    package struct Entry: Sendable {
        package let key: SigningKeyRecord
        package let state: SigningKeyState
    }

    private let store: any AuthorizationStore
    private let sealing: SealingKey
    private let clock: WallClock
    private let audit: any AuditLog

    /// Creates the operations over a store.
    package init(store: any AuthorizationStore, sealing: SealingKey, clock: WallClock, audit: any AuditLog) {
        self.store = store
        self.sealing = sealing
        self.clock = clock
        self.audit = audit
    }

    /// Every trusted key, oldest first.
    package func list() async throws -> [Entry] {
        let now = clock.now()
        let keys = try await store.signingKeys()
        return keys.map { key in
            Entry(
                key: key,
                state: SigningKeyState(key, among: keys.filter { $0.algorithm == key.algorithm }, at: now))
        }
    }

    /// Adds a key of `algorithm` that signs after `publishAhead`; until then it is published only.
    package func rotate(_ algorithm: SignatureAlgorithm, publishAhead: Duration) async throws -> Entry {
        let record = try await make(algorithm, publishAhead: publishAhead)
        _ = try await store.add(record, unlessCreatedAfter: nil)
        note(.keyAdded, record, detail: "command")
        return Entry(key: record, state: record.signsFrom <= clock.now() ? .signing : .next)
    }

    /// Stops trusting a key: its tokens are refused from now on, within a second everywhere. Refuses the only key that
    /// can sign, which would leave nobody able to log in.
    package func retire(_ id: String) async throws -> Entry {
        let entries = try await list()
        guard let entry = entries.first(where: { $0.key.id.utf8.elementsEqual(id.utf8) }) else {
            throw Refusal.unknownKey(id)
        }
        switch try await store.retire(entry.key.id, at: clock.now()) {
        case .retired:
            note(.keyRetired, entry.key, detail: "command")
            return entry
        case .onlyKey: throw Refusal.onlyKey(id)
        case .unknown: throw Refusal.unknownKey(id)
        }
    }

    /// One look of the schedule: makes a successor of `algorithm` when one is due, and retires keys whose last token has
    /// expired. Of many processes that look at once one makes the key. Returns whether anything changed.
    func followSchedule(_ policy: KeyRotationPolicy, algorithm: SignatureAlgorithm) async throws -> Bool {
        let keys = try await store.signingKeys()
        var changed = false
        if policy.isDue(keys.filter { $0.algorithm == algorithm.rawValue }, at: clock.now()) {
            let record = try await make(algorithm, publishAhead: policy.publishAhead)
            let threshold = policy.interval.map { record.createdAt - $0 } ?? Timestamp(millisecondsSinceEpoch: .min)
            if try await store.add(record, unlessCreatedAfter: threshold) {
                note(.keyAdded, record, detail: "schedule")
                changed = true
            }
        }
        for algorithm in SignatureAlgorithm.allCases {
            let same = keys.filter { $0.algorithm == algorithm.rawValue }
            for key in policy.superseded(same, at: clock.now()) {
                guard try await store.retire(key.id, at: clock.now()) == .retired else { continue }
                note(.keyRetired, key, detail: "schedule")
                changed = true
            }
        }
        return changed
    }

    private func make(_ algorithm: SignatureAlgorithm, publishAhead: Duration) async throws -> SigningKeyRecord {
        let sealing = sealing
        let now = clock.now()
        return try await BlockingExecutor.shared.run {
            try SigningKey.make(algorithm, sealing: sealing, at: now, signsFrom: now + publishAhead)
        }
    }

    private func note(_ action: AuditAction, _ key: SigningKeyRecord, detail: String) {
        audit.record(
            AuditEvent(
                time: clock.now(), action: action,
                detail: [("kid", key.id), ("algorithm", key.algorithm), ("by", detail)]))
    }
}
