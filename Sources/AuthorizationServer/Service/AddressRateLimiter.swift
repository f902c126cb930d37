import AsyncIO
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

extension SocketAddress {
    /// Whom an address stands for: one IPv6 customer has a /64, and all of its addresses count as one.
    var customer: IPAddress? {
        guard let ip = ipAddress?.unmapped else { return nil }
        guard case .v6(let network, _) = ip else { return ip }
        return .v6(high: network, low: 0)
    }
}
