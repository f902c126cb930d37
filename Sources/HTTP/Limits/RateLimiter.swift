package import AsyncIO
import Synchronization
package import Telemetry

/// A token bucket for each key, in a table of fixed size. A bucket holds what may come in a minute, and fills evenly.
///
/// A `Mutex` because connections of every loop ask; the section is a few dictionary operations, never a walk through the table.
package final class RateLimiter<Key: Hashable & Sendable>: Sendable {
    private struct Bucket {
        var tokens: Double
        var filledAt: Timestamp
    }

    /// Two generations: when the young one is full it becomes the old one, and what was not used since is forgotten. A key that
    /// many others push out so begins anew, which lets it through once more but never grows and never locks anybody out.
    private struct Table {
        var young: [Key: Bucket] = [:]
        var old: [Key: Bucket] = [:]
    }

    private let generation: Int
    private let perMinute: Double
    private let table = Mutex(Table())

    /// Creates a limiter that remembers at most `capacity` keys.
    package init(perMinute: Int, capacity: Int = 10_000) {
        self.perMinute = Double(perMinute)
        generation = max(1, capacity / 2)
    }

    /// Takes `count` requests of this key, of which no more count at once than a bucket holds; `nil` means go ahead, otherwise the
    /// seconds to wait, and nothing is taken. One that `isFree` waits like the others and takes nothing.
    package func take(_ key: Key, count: Int = 1, isFree: Bool = false, at now: Timestamp) -> Int? {
        let wanted = min(Double(count), perMinute)
        return table.withLock { table in
            let known = table.young[key] ?? table.old[key]
            if known == nil, isFree { return nil }
            var bucket = known ?? Bucket(tokens: perMinute, filledAt: now)
            refill(&bucket, at: now)
            let wait = bucket.tokens >= wanted ? nil : Int(((wanted - bucket.tokens) * 60 / perMinute).rounded(.up))
            if wait == nil, !isFree { bucket.tokens -= wanted }
            if table.young[key] == nil, table.young.count >= generation {
                table.old = table.young
                table.young = [:]
            }
            table.young[key] = bucket
            return wait
        }
    }

    /// How many keys are remembered.
    package var count: Int { table.withLock { $0.young.count + $0.old.count } }

    private func refill(_ bucket: inout Bucket, at now: Timestamp) {
        let elapsed = max(0, now.millisecondsSinceEpoch - bucket.filledAt.millisecondsSinceEpoch)
        bucket.tokens = min(perMinute, bucket.tokens + Double(elapsed) * perMinute / 60_000)
        bucket.filledAt = now
    }
}

extension SocketAddress {
    /// Whom an address stands for: one IPv6 customer has a /64, and all of its addresses count as one.
    package var customer: IPAddress? {
        guard let ip = ipAddress?.unmapped else { return nil }
        guard case .v6(let network, _) = ip else { return ip }
        return .v6(high: network, low: 0)
    }
}
