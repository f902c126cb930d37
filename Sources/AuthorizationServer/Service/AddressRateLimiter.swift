import AsyncIO
import HTTP
import Telemetry

/// A token bucket for each client address.
struct AddressRateLimiter: Sendable {
    private let limiter: RateLimiter<IPAddress?>

    /// Creates a limiter.
    init(perMinute: Int) {
        limiter = RateLimiter(perMinute: perMinute)
    }

    /// Takes one request of this address; `nil` means go ahead, otherwise the seconds to wait.
    func take(_ address: SocketAddress, at now: Timestamp) -> Int? {
        limiter.take(address.customer, at: now)
    }
}
