import AsyncIO
import HTTP
import MCP
import OAuth
import Telemetry

/// Gets into a remote server: with the tokens of the last login, by refreshing them, and where that is over by asking the
/// person to log in with the browser (d11).
///
/// One renewal at a time: whoever is refused meanwhile waits for it.
actor RemoteAuthorizer: RequestAuthorizer {
    private let endpoint: HTTPURL
    private let store: RemoteCredentialStore
    private let login: RemoteLogin
    private let logger = Logger(label: "remote")

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    private var credentials: RemoteCredentials?
    private var isLoaded = false
    private var isRenewing = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(endpoint: HTTPURL, store: RemoteCredentialStore, login: RemoteLogin, on loop: EventLoop) {
        self.endpoint = endpoint
        self.store = store
        self.login = login
        self.loop = loop
    }

    func authorization() async throws(AuthorizationFailure) -> String? {
        if !isLoaded {
            isLoaded = true
            credentials = await stored()
        }
        return credentials.map { "Bearer \($0.accessToken)" }
    }

    func renew(after refusal: AuthorizationRefusal) async throws(AuthorizationFailure) -> Bool {
        while isRenewing {
            await withCheckedContinuation { continuation in
                // It may be over before this is run.
                if isRenewing { waiting.append(continuation) } else { continuation.resume() }
            }
        }
        // Somebody else of us has renewed it since.
        if let current = credentials, refusal.presented != "Bearer \(current.accessToken)" { return true }
        isRenewing = true
        defer {
            isRenewing = false
            for waiter in waiting { waiter.resume() }
            waiting = []
        }
        let turn = await turn()
        defer { _ = turn }
        // Another process may have.
        if let kept = await stored(), kept.accessToken != credentials?.accessToken, kept.accessToken != "" {
            credentials = kept
            return true
        }
        if refusal.status == 401, try await refreshed() { return true }
        do throws(ProviderFailure) {
            await keep(try await login.begin(after: refusal, last: credentials))
        } catch {
            throw AuthorizationFailure("no login at \(endpoint.origin): \(error.detail)")
        }
        return true
    }

    /// Whether the refresh token still works. Where only the server is away, the person is not bothered.
    private func refreshed() async throws(AuthorizationFailure) -> Bool {
        guard let current = credentials, current.refreshToken != nil else { return false }
        do throws(ProviderFailure) {
            await keep(try await login.refresh(current))
            return true
        } catch {
            logger.info("the refresh token is refused", ["reason": .string(error.detail)])
            guard error.code == .unavailable else { return false }
            throw AuthorizationFailure("\(endpoint.origin): \(error.detail)")
        }
    }

    /// Uses the refresh token of the login once and keeps what comes, as clients do when the access token ends (RFC 6749 §6).
    func tryRefreshing() async -> RefreshTrial {
        let turn = await turn()
        defer { _ = turn }
        guard let current = await stored() ?? credentials, let token = current.refreshToken else { return .absent }
        do throws(ProviderFailure) {
            let fresh = try await login.refresh(current)
            await keep(fresh)
            return fresh.refreshToken == token ? .kept : .rotated
        } catch {
            return .refused(error.detail)
        }
    }

    private func turn() async -> RemoteLoginTurn? {
        let (store, endpoint) = (store, endpoint)
        return (try? await BlockingExecutor.shared.run { try store.turn(at: endpoint) }) ?? nil
    }

    private func stored() async -> RemoteCredentials? {
        let (store, endpoint) = (store, endpoint)
        // Cancelled, or too busy: as if there were none.
        return (try? await BlockingExecutor.shared.run { store.load(endpoint) }) ?? nil
    }

    private func keep(_ fresh: RemoteCredentials) async {
        credentials = fresh
        isLoaded = true
        let (store, endpoint) = (store, endpoint)
        do {
            try await BlockingExecutor.shared.run { try store.save(fresh, for: endpoint) }
        } catch {
            logger.warning("the login cannot be kept", ["error": .string(String(describing: error))])
        }
    }
}
