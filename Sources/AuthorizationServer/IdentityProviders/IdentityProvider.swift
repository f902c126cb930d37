package import AsyncIO
package import OAuth

/// Who tells us who somebody is: a service to which the browser is sent and from which it returns with a code.
///
/// Implementations hold no state of a login; what binds one to a browser is in the trip.
package protocol IdentityProvider: Sendable {
    /// The name in the configuration and in `/callback/ID`.
    var id: String { get }
    /// What a person calls it.
    var title: String { get }
    /// Under which its users are known; two providers with one issuer vouch for the same people.
    var issuer: String { get }
    /// Who may come in by it.
    var allowList: AllowList { get }
    /// The last part of the redirect URI that is registered there: `/callback/ID`, or `/callback`.
    var callbackPath: String { get }
    /// Where its deadlines run.
    var loop: EventLoop { get }

    /// Where the browser goes. With `forcingLogin` the user shows who they are even when signed in there.
    func departure(_ trip: ProviderTrip, forcingLogin: Bool) async throws(ProviderFailure) -> String

    /// Who returned. `sender` is `iss` of the answer (RFC 9207).
    func arrival(code: String, sender: String?, trip: ProviderTrip) async throws(ProviderFailure) -> VouchedIdentity

    /// Asks again, with what it gave at the last login, about the same user. `.rejected` means that it no longer vouches
    /// for them; every other failure says nothing about the user.
    func askAgain(
        _ credential: String, about identity: ProviderIdentity
    ) async throws(ProviderFailure) -> VouchedIdentity
}

extension IdentityProvider {
    /// All of a provider's answers for one step together take no longer than this (F14).
    static var patience: Duration { .seconds(10) }

    /// Runs one step with its deadline.
    func patiently<Value: Sendable>(
        _ step: @escaping @Sendable () async throws(ProviderFailure) -> Value
    ) async throws(ProviderFailure) -> Value {
        let loop = loop
        let outcome = await withTaskGroup(of: Result<Value, ProviderFailure>?.self) { group in
            group.addTask {
                do throws(ProviderFailure) {
                    return .success(try await step())
                } catch {
                    return .failure(error)
                }
            }
            group.addTask {
                // Cancelled when the step was faster.
                try? await loop.sleep(for: Self.patience)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
        guard let outcome else { throw ProviderFailure(.unavailable, "\(issuer) took too long") }
        return try outcome.get()
    }
}
