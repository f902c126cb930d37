import AsyncIO
import HTTP
import OAuth
import Synchronization
import Telemetry

/// Slows whoever guesses the secret of a client: an operator may have written a short one (O05).
///
/// One address has few wrong secrets of one client in a minute, all addresses together have more. Beyond that the right one
/// waits as well, or the limit would say which it is. An address that showed the right secret within a day waits for its own
/// mistakes alone: strangers cannot keep a client away from where it runs. A `Mutex` as in `RateLimiter`.
final class SecretGuessLimiter: Sendable {
    /// Wrong secrets of one client by one address in a minute.
    static let perAddress = 10
    /// Wrong secrets of one client in a minute.
    static let perClient = 100

    private static let capacity = 10_000
    private static let memory = Duration.seconds(86_400)

    private struct Source: Hashable, Sendable {
        let client: ClientID
        let customer: IPAddress?
    }

    private let near = RateLimiter<Source>(perMinute: perAddress, capacity: capacity)
    private let wide = RateLimiter<ClientID>(perMinute: perClient, capacity: capacity)
    private let proven = Mutex<[Source: Timestamp]>([:])

    /// Counts a secret that was compared; the seconds to wait where its result must not be used.
    func count(_ client: ClientID, from address: SocketAddress, isRight: Bool, at now: Timestamp) -> Int? {
        let source = Source(client: client, customer: address.customer)
        if let wait = near.take(source, isFree: isRight, at: now) { return wait }
        if !isProven(source, at: now), let wait = wide.take(client, isFree: isRight, at: now) { return wait }
        if isRight { remember(source, at: now) }
        return nil
    }

    private func isProven(_ source: Source, at now: Timestamp) -> Bool {
        proven.withLock { proven in proven[source].map { now - $0 < Self.memory } ?? false }
    }

    private func remember(_ source: Source, at now: Timestamp) {
        proven.withLock { proven in
            if proven[source] == nil, proven.count >= Self.capacity {
                proven = proven.filter { now - $0.value < Self.memory }
                if proven.count >= Self.capacity { proven.removeAll(keepingCapacity: true) }
            }
            proven[source] = now
        }
    }
}
