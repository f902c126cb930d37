import AsyncIO
import HTTP
import Synchronization

/// Admits attempts to log in up to a bound: nobody waits behind the guesses of somebody who has gone, and no address takes
/// every place (O05).
///
/// A `Mutex`, because requests of every loop ask; the section is a few dictionary operations.
final class LoginAdmission: Sendable {
    /// Seconds after which one that was not admitted may try again.
    static let patience: Int64 = 2

    /// Attempts of one address at once.
    private static let perAddress = 8
    /// Attempts at once; a few seconds of a core.
    private static let total = 24

    private struct State {
        var total = 0
        var customers: [IPAddress?: Int] = [:]
    }

    private let state = Mutex(State())

    /// Makes an attempt for somebody at `address`; nil, and nothing was done, where there are too many already.
    func attempt<Value>(from address: SocketAddress, _ body: () async throws -> Value) async throws -> Value? {
        let customer = address.customer
        guard begin(customer) else { return nil }
        defer { end(customer) }
        return try await body()
    }

    private func begin(_ customer: IPAddress?) -> Bool {
        state.withLock { state in
            guard state.total < Self.total, state.customers[customer, default: 0] < Self.perAddress else {
                return false
            }
            state.total += 1
            state.customers[customer, default: 0] += 1
            return true
        }
    }

    private func end(_ customer: IPAddress?) {
        state.withLock { state in
            state.total -= 1
            let left = state.customers[customer, default: 1] - 1
            state.customers[customer] = left > 0 ? left : nil
        }
    }
}
