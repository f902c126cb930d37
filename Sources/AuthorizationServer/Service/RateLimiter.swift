import Synchronization
import Telemetry

/// A token bucket for each key, in a table of fixed size.
///
/// A `Mutex` because connections of every loop ask; the section is a few dictionary operations.
final class RateLimiter<Key: Hashable & Sendable>: Sendable {
    private struct Bucket {
        var tokens: Double
        var filledAt: Timestamp
    }

    private let capacity: Int
    private let perMinute: Double
    private let buckets = Mutex<[Key: Bucket]>([:])

    /// Creates a limiter that remembers at most `capacity` keys.
    init(perMinute: Int, capacity: Int = 10_000) {
        self.perMinute = Double(perMinute)
        self.capacity = capacity
    }

    /// Takes one request of this key; `nil` means go ahead, otherwise the seconds to wait. One that `isFree` waits like the
    /// others and takes nothing.
    func take(_ key: Key, isFree: Bool = false, at now: Timestamp) -> Int? {
        buckets.withLock { buckets in
            if buckets[key] == nil {
                guard !isFree else { return nil }
                if buckets.count >= capacity { forgetFull(&buckets, at: now) }
            }
            var bucket = buckets[key] ?? Bucket(tokens: perMinute, filledAt: now)
            refill(&bucket, at: now)
            let wait = bucket.tokens >= 1 ? nil : Int(((1 - bucket.tokens) * 60 / perMinute).rounded(.up))
            if wait == nil, !isFree { bucket.tokens -= 1 }
            buckets[key] = bucket
            return wait
        }
    }

    private func refill(_ bucket: inout Bucket, at now: Timestamp) {
        let elapsed = max(0, now.millisecondsSinceEpoch - bucket.filledAt.millisecondsSinceEpoch)
        bucket.tokens = min(perMinute, bucket.tokens + Double(elapsed) * perMinute / 60_000)
        bucket.filledAt = now
    }

    // A full bucket says nothing. When none is full the table is under attack by many keys: then it starts anew,
    // which lets an attacker's keys through once more but never grows and never locks anybody out.
    private func forgetFull(_ buckets: inout [Key: Bucket], at now: Timestamp) {
        let minute: Int64 = 60_000
        buckets = buckets.filter { now.millisecondsSinceEpoch - $0.value.filledAt.millisecondsSinceEpoch < minute }
        if buckets.count >= capacity { buckets.removeAll(keepingCapacity: true) }
    }
}
