import HTTP
import OAuth
import Telemetry

/// Who is signed in with a browser.
struct SignedInUser {
    /// The account as it is now.
    let user: UserRecord
    /// The cookie's value; forms of this session are tied to it.
    let secret: String
    /// How the session is stored.
    let session: BrowserSession
}

extension AuthorizationService {
    /// Who is signed in; a disabled or removed account is nobody.
    func signedInUser(_ request: HTTPRequest, cookies: BrowserCookies) async throws(StoreError) -> SignedInUser? {
        guard let secret = cookies.session(in: request) else { return nil }
        let id = SecretDigest(of: secret)
        guard let session = try await store.touch(id, lifetime: configuration.session, at: now),
            let user = try await store.user(session.user), !user.isDisabled,
            user.isFederated || providers.hasLocalAccounts
        else { return nil }
        return SignedInUser(user: user, secret: secret, session: session)
    }

    /// Starts a session with a new secret and ends the one the browser had: an id that somebody planted before login is
    /// worth nothing afterwards (U05). Returns the `Set-Cookie` value.
    func startSession(
        of user: UserRecord, request: HTTPRequest, cookies: BrowserCookies
    ) async throws(StoreError) -> String {
        let secret = IssuedSecret.make(.browserSession)
        let time = now
        let session = BrowserSession(id: secret.digest, user: user.id, startedAt: time, lastSeenAt: time)
        let previous = cookies.session(in: request).map { SecretDigest(of: $0) }
        try await store.start(session, replacing: previous)
        return cookies.settingSession(secret.text)
    }
}
