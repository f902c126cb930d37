import AsyncIO
import HTTP
import OAuth
import Telemetry

/// `rate_limits`: how many requests a minute; nil means as many as come.
package struct RequestRateLimits: Sendable, Equatable {
    /// Of one user, through all clients together.
    package var perUser: Int?
    /// Of one user through one client: a program that runs wild leaves the user's others their share.
    package var perClient: Int?
    /// From one address, or the /64 of IPv6.
    package var perAddress: Int?
    /// To one server, of all users together.
    package var perServer: Int?

    /// No limits.
    package init() {}
}

/// Counts requests whose sender is known (O05, M10). Before that nothing counts here: whoever has no token must not be able to
/// use up somebody's share.
final class RequestRates: Sendable {
    private let clients: RateLimiter<Principal>?
    private let users: RateLimiter<UserID>?
    private let addresses: RateLimiter<IPAddress?>?
    private let servers: RateLimiter<String>?
    private let clock: WallClock
    private let refusals: [Counter]
    /// What no limit lets through at once, however long somebody waits, is more than this.
    let most: Int

    /// Nil where there is no limit.
    init?(_ limits: RequestRateLimits, clock: WallClock, in metrics: MetricsRegistry) {
        guard limits != RequestRateLimits() else { return nil }
        clients = limits.perClient.map { RateLimiter(perMinute: $0) }
        users = limits.perUser.map { RateLimiter(perMinute: $0) }
        addresses = limits.perAddress.map { RateLimiter(perMinute: $0) }
        servers = limits.perServer.map { RateLimiter(perMinute: $0) }
        most = [limits.perClient, limits.perUser, limits.perAddress, limits.perServer].compactMap(\.self).min() ?? .max
        self.clock = clock
        refusals = ["client", "user", "address", "server"].map { limit in
            metrics.counter(
                "sallyport_rate_limited_total", help: "Requests that came too often, by the limit that they met.",
                labels: [("limit", limit)])
        }
    }

    /// Takes `count` requests; nil means go ahead, otherwise the seconds to wait. The narrowest limit comes first: what it stops
    /// is not taken from the others, so one client cannot use up what another one has.
    /// Nil as `server` stands for none in particular.
    func take(_ principal: Principal, _ address: SocketAddress, _ server: String?, count: Int) -> Int? {
        let now = clock.now()
        let waits: [() -> Int?] = [
            { self.clients?.take(principal, count: count, at: now) },
            { self.users?.take(principal.user, count: count, at: now) },
            { self.addresses?.take(address.customer, count: count, at: now) },
            { server.flatMap { self.servers?.take($0, count: count, at: now) } },
        ]
        for (place, wait) in waits.enumerated() {
            guard let seconds = wait() else { continue }
            refusals[place].increment()
            return max(1, seconds)
        }
        return nil
    }
}
