import AsyncIO
import Crypto
import HTTP
import OAuth
import Telemetry

/// Checks a local account's password. Known and unknown names cost the same and answer the same.
struct LocalLogin {
    /// What came of an attempt.
    enum Outcome {
        /// Name and password are right and the account is open.
        case authenticated(UserRecord)
        /// Something is wrong; nobody is told what.
        case refused
        /// Too many failures: nothing was checked.
        case delayed(seconds: Int64)
    }

    // Hashes of nothing anybody knows: an unknown name takes as long as a known one.
    private static let decoy = DecoyHash()
    private static let failureCapacity = 10_000

    let service: AuthorizationService

    /// Tries a name and a password.
    func attempt(name: String, password: String, request: HTTPRequest) async throws -> Outcome {
        let key = SecretDigest(of: "login:" + name)
        let failures = try await service.store.loginFailures(key)
        let wait = LoginDelay.remaining(after: failures, at: service.now)
        guard wait == 0 else { return .delayed(seconds: (wait + 999) / 1000) }
        let outcome = try await service.loginAdmission.attempt(from: request.remoteAddress) {
            try await compare(name: name, key, failures, password: password, request: request)
        }
        return outcome ?? .delayed(seconds: LoginAdmission.patience)
    }

    private func compare(
        name: String, _ key: SecretDigest, _ failures: LoginFailures, password: String, request: HTTPRequest
    ) async throws -> Outcome {
        // Counted as a failure before it is looked at: attempts made side by side would all have seen the same count.
        let noted = try await service.store.noteLoginFailure(
            key, capacity: LocalLogin.failureCapacity, at: service.now)
        guard noted.count == failures.count + 1 || noted.count <= LoginDelay.freeFailures + 1 else {
            return .delayed(seconds: 1)
        }
        let user = try await service.store.user(named: name)
        guard try await isRight(password, for: user), let user, !user.isDisabled else {
            service.note(.loginFailed, outcome: .failed, user: user?.id, request: request)
            return .refused
        }
        try await service.store.clearLoginFailures(key)
        service.note(.loginSucceeded, outcome: .success, user: user.id, request: request)
        return .authenticated(user)
    }

    private func isRight(_ password: String, for user: UserRecord?) async throws -> Bool {
        let bytes = Array(password.utf8.prefix(PasswordRule.maximumBytes + 1))
        guard bytes.count <= PasswordRule.maximumBytes else { return false }
        let stored = user?.passwordHash
        return try await PasswordThreads.run {
            let hash = try stored ?? LocalLogin.decoy.text()
            return PasswordHash.verify(bytes, hash) && stored != nil
        }
    }
}
