import Telemetry

/// When signing keys change by themselves, and how long the old ones verify.
package struct KeyRotationPolicy: Sendable, Hashable {
    /// A key as old as this gets a successor; nil rotates by command only.
    package var interval: Duration?
    /// How long a new key is published before it signs: every process and every verifier elsewhere has read it by then.
    package var publishAhead: Duration

    /// Creates a policy.
    package init(interval: Duration? = .seconds(90 * 86_400), publishAhead: Duration = .seconds(3600)) {
        self.interval = interval
        self.publishAhead = publishAhead
    }

    /// Whether a successor is due: there is no key of the algorithm, or the newest one is too old.
    func isDue(_ keys: [SigningKeyRecord], at now: Timestamp) -> Bool {
        guard let newest = keys.map(\.createdAt).max() else { return true }
        guard let interval else { return false }
        return newest + interval <= now
    }

    /// The keys of one algorithm whose last token has expired: another one has signed in their place for longer than any
    /// token lives. Not the lifetime of today's configuration: their tokens may come of an earlier one (T08).
    func superseded(_ keys: [SigningKeyRecord], at now: Timestamp) -> [SigningKeyRecord] {
        let longest = AuthorizationServerConfiguration.longestAccessTokenLifetime
        // The one that signed so long ago, and not the one of now: keys may change more often than that.
        let successor = SigningKeyState.signing(keys, at: now - longest - KeyRotationPolicy.slack)
        guard let successor else { return [] }
        return keys.filter { $0.signsFrom < successor.signsFrom }
    }

    /// For clocks that differ, and for what is on its way.
    private static let slack = Duration.seconds(300)
}

/// Where a trusted key stands in its life.
package enum SigningKeyState: String, Sendable, CaseIterable {
    /// Published; it does not sign yet.
    case next
    /// The newest one of its algorithm that may sign.
    case signing
    /// Replaced; tokens that it signed are still good.
    case verifying

    /// The state of `key` among the trusted keys of its algorithm.
    init(_ key: SigningKeyRecord, among keys: [SigningKeyRecord], at now: Timestamp) {
        if now < key.signsFrom {
            self = .next
        } else {
            self = SigningKeyState.signing(keys, at: now)?.id == key.id ? .signing : .verifying
        }
    }

    /// The key that signs; of two that began at the same moment every process takes the same one.
    static func signing(_ keys: [SigningKeyRecord], at now: Timestamp) -> SigningKeyRecord? {
        keys.filter { $0.signsFrom <= now }.max { SigningKeyState.precedes($0, $1) }
    }

    /// The order in which keys take over.
    static func precedes(_ left: SigningKeyRecord, _ right: SigningKeyRecord) -> Bool {
        if left.signsFrom != right.signsFrom { return left.signsFrom < right.signsFrom }
        if left.createdAt != right.createdAt { return left.createdAt < right.createdAt }
        return left.id.utf8.lexicographicallyPrecedes(right.id.utf8)
    }
}
