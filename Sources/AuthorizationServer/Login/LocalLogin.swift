import AsyncIO
import Crypto
import HTTP
import OAuth
import Telemetry

/// Checks a local account's password. Known and unknown names cost the same and answer the same.
struct LocalLogin {
    /// What a password is asked for.
    enum Purpose {
        /// Somebody wants to sign in.
        case signIn
        /// Somebody who is signed in wants to change something; whoever asks the account's name elsewhere holds nobody up here
        /// (U06).
        case change(of: UserID, named: String)
    }

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
    func attempt(
        name: String, password: String, for purpose: Purpose = .signIn, request: HTTPRequest
    ) async throws -> Outcome {
        let key =
            switch purpose {
            case .signIn: SecretDigest(of: "login:" + name)
            case .change(let user, _): SecretDigest(of: "change:" + user.value)
            }
        let failures = try await service.store.loginFailures(key)
        let wait = LoginDelay.remaining(after: failures, at: service.now)
        guard wait == 0 else {
            return delayed(purpose, .loginDelay, seconds: (wait + 999) / 1000)
        }
        let outcome = try await service.loginAdmission.attempt(from: request.remoteAddress) {
            try await compare(name: name, key, failures, password: password, purpose, request: request)
        }
        return outcome ?? delayed(purpose, .logins, seconds: LoginAdmission.patience)
    }

    private func delayed(_ purpose: Purpose, _ limit: AuthorizationMetrics.Limit, seconds: Int64) -> Outcome {
        service.metrics.reached(limit)
        if case .signIn = purpose { service.metrics.login(.password, .delayed) }
        return .delayed(seconds: seconds)
    }

    private func compare(
        name: String, _ key: SecretDigest, _ failures: LoginFailures, password: String, _ purpose: Purpose,
        request: HTTPRequest
    ) async throws -> Outcome {
        // Counted as a failure before it is looked at: attempts made side by side would all have seen the same count.
        let noted = try await service.store.noteLoginFailure(
            key, capacity: LocalLogin.failureCapacity, at: service.now)
        guard noted.count == failures.count + 1 || noted.count <= LoginDelay.freeFailures + 1 else {
            return delayed(purpose, .loginDelay, seconds: 1)
        }
        let user = try await service.store.user(named: name)
        guard try await isRight(password, for: user), let user, !user.isDisabled else {
            note(purpose, isRight: false, user?.id, request)
            return .refused
        }
        try await service.store.clearLoginFailures(key)
        note(purpose, isRight: true, user.id, request)
        return .authenticated(user)
    }

    // A change that is made is noted by whoever makes it.
    private func note(_ purpose: Purpose, isRight: Bool, _ user: UserID?, _ request: HTTPRequest) {
        switch purpose {
        case .signIn:
            service.metrics.login(.password, isRight ? .success : .failed)
            service.note(
                isRight ? .loginSucceeded : .loginFailed, outcome: isRight ? .success : .failed, user: user,
                request: request)
        case .change(_, let name) where !isRight:
            service.note(.userChanged, outcome: .failed, user: user, request: request, detail: [("change", name)])
        case .change: break
        }
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
