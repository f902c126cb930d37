import Crypto
import HTTP
import OAuth
import Telemetry

/// A user sets a new password. The present one is asked for again: a browser that somebody left open must not be enough
/// (U06).
struct PasswordChange {
    /// What came of it.
    enum Outcome {
        /// It is changed; this browser goes on with a new session, whose cookie this is.
        case changed(cookie: String)
        /// It is not, and this is why.
        case refused(String, HTTPStatus)
    }

    let service: AuthorizationService
    let visit: PageVisit
    let signedIn: SignedInUser

    /// Makes the change that the form asks for.
    func make(_ form: PostedForm) async throws -> Outcome {
        let user = signedIn.user
        guard user.passwordHash != nil else { throw AuthorizationRefusal.forgedForm }
        let password = try form.value("password") ?? ""
        if let problem = PasswordRule.problem(with: password, name: user.name) { return .refused(problem, .badRequest) }
        guard try form.value("repeated") == password else {
            return .refused("The two new passwords are not the same.", .badRequest)
        }
        let present = try form.value("present") ?? ""
        switch try await LocalLogin(service: service).attempt(
            name: user.name, password: present, for: .change(of: user.id, named: "password"), request: visit.request)
        {
        case .authenticated: break
        case .refused: return .refused("The present password is wrong.", .forbidden)
        case .delayed(let seconds):
            return .refused("Too many attempts. Wait \(seconds) seconds, then try again.", .tooManyRequests)
        }
        let hash = try await PasswordThreads.run { try PasswordHash.hash(Array(password.utf8)) }
        guard case .changed = try await service.store.change(user.id, .password(hash: hash), at: service.now) else {
            throw AuthorizationRefusal.signedOut
        }
        service.note(
            .userChanged, outcome: .success, user: user.id, request: visit.request, detail: [("change", "password")])
        return .changed(
            cookie: try await service.startSession(of: user, request: visit.request, cookies: visit.cookies))
    }
}
