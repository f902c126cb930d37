import Crypto
import OAuth
package import Telemetry

/// What an administrator does with the browser sessions of users, on the store, whether the gateway runs or not.
package struct SessionAdministration: Sendable {
    /// What cannot be done, in words for the administrator.
    package enum Refusal: Error, Sendable, Equatable, CustomStringConvertible {
        case unknownUser(String)
        case unknownSession(String)
        case ambiguous(String)

        package var description: String {
            switch self {
            case .unknownUser(let name): "there is no user named \(name)"
            case .unknownSession(let id): "there is no session \(id)"
            case .ambiguous(let id): "more than one session begins with \(id)"
            }
        }
    }

    /// A session with the name of its user.
    package struct Entry: Sendable {
        /// Names the session in listings: the beginning of the digest of its cookie, with which nobody can sign in.
        package let id: String
        /// The session.
        package let session: BrowserSession
        /// Who is signed in.
        package let userName: String
    }

    /// Hexadecimal digits of a session's name.
    private static let identifierLength = 16

    private let store: any AuthorizationStore
    private let lifetime: SessionLifetime
    private let clock: WallClock
    private let audit: any AuditLog

    /// Creates the operations over a store; `lifetime` says which sessions are still good.
    package init(store: any AuthorizationStore, lifetime: SessionLifetime, clock: WallClock, audit: any AuditLog) {
        self.store = store
        self.lifetime = lifetime
        self.clock = clock
        self.audit = audit
    }

    /// Live sessions, the one last seen first, of the account with this name or of all.
    package func list(of userName: String?) async throws -> [Entry] {
        let names = try await UserNames(store)
        let owner = try names.id(of: userName, orThrow: Refusal.unknownUser)
        return try await store.sessions(of: owner, lifetime: lifetime, at: clock.now()).map { session in
            Entry(id: Self.identifier(of: session.id), session: session, userName: names[session.user])
        }
    }

    /// Ends the session whose name is or begins with `id`.
    package func end(_ id: String) async throws {
        let matches = try await list(of: nil).filter { $0.id.utf8.starts(with: id.utf8) }
        guard let match = matches.first, id.utf8.count >= 4 else { throw Refusal.unknownSession(id) }
        guard matches.count == 1 else { throw Refusal.ambiguous(id) }
        try await store.end(match.session.id)
        note(match.session.user, detail: [("session", match.id)])
    }

    /// Ends every session of the account with this name, or of all; returns how many.
    package func endAll(of userName: String?) async throws -> Int {
        let owner = try await UserNames(store).id(of: userName, orThrow: Refusal.unknownUser)
        let count = try await store.endSessions(of: owner, except: nil)
        note(owner, detail: [("sessions", String(count))])
        return count
    }

    private func note(_ user: UserID?, detail: [(String, String)]) {
        audit.record(
            AuditEvent(time: clock.now(), action: .signedOut, user: user?.value, detail: [("by", "command")] + detail))
    }

    private static func identifier(of digest: SecretDigest) -> String {
        String(digest.hexadecimal.prefix(identifierLength))
    }
}
