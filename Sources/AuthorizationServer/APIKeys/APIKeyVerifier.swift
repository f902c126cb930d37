import Crypto
package import OAuth
import Synchronization
package import Telemetry

/// Verifies API keys and leaves every other bearer token to the next verifier.
///
/// What the store said of a key counts for half a minute, so a busy key costs no look-up; that it was revoked is known from
/// the revocation feed within a second all the same (T08), and a store that cannot be read refuses (R04).
package final class APIKeyVerifier<Next: AccessTokenVerifier>: AccessTokenVerifier {
    private struct Entry {
        let key: APIKeyRecord
        let principal: Principal
        let readAt: Timestamp
    }

    private let next: Next
    private let store: any AuthorizationStore
    private let revocations: any RevocationState
    private let clock: WallClock
    // A `Mutex`, because all loops share it; the section is one look-up.
    private let cache = Mutex<[Digest: Entry]>([:])
    private let capacity: Int

    /// How long a reading counts.
    private static var freshness: Duration { .seconds(30) }
    /// How far behind the note of the last use may be.
    private static var noteInterval: Duration { .seconds(3600) }

    package init(
        next: Next, store: any AuthorizationStore, revocations: any RevocationState, clock: WallClock,
        capacity: Int = 10_000
    ) {
        self.next = next
        self.store = store
        self.revocations = revocations
        self.clock = clock
        self.capacity = capacity
    }

    package func verify(
        _ token: String, for resource: String, issuer: String
    ) async throws(AccessTokenRejection) -> Principal {
        guard Self.isAPIKey(token) else {
            return try await next.verify(token, for: resource, issuer: issuer)
        }
        let entry = try await entry(SHA256.digest(Array(token.utf8)))
        if revocations.isBehind { _ = await revocations.catchUp() }
        try check(entry.key, resource: resource, issuer: issuer)
        return entry.principal
    }

    package func verifyAtOnce(
        _ token: PresentedToken, for resource: String, issuer: String
    ) throws(AccessTokenRejection) -> Principal? {
        // The store may have to be asked about a key.
        guard !Self.isAPIKey(token.text) else { return nil }
        return try next.verifyAtOnce(token, for: resource, issuer: issuer)
    }

    private static func isAPIKey(_ token: String) -> Bool {
        token.utf8.starts(with: IssuedSecret.Kind.apiKey.rawValue.utf8)
    }

    package func verify(
        _ token: String, boundTo thumbprint: String, for resource: String, issuer: String
    ) async throws(AccessTokenRejection) -> Principal {
        // A key is never bound, and the next verifier knows none.
        try await next.verify(token, boundTo: thumbprint, for: resource, issuer: issuer)
    }

    private func check(
        _ key: APIKeyRecord, resource: String, issuer: String
    ) throws(AccessTokenRejection) {
        guard key.revokedAt == nil else { throw AccessTokenRejection(.invalid, detail: "revoked") }
        guard clock.now() < key.expiresAt else { throw AccessTokenRejection(.invalid, detail: "expired") }
        guard key.resources.isEmpty || key.resources.contains(where: { Self.isResource(resource, $0, issuer) }) else {
            throw AccessTokenRejection(.invalid, detail: "for another resource")
        }
        switch revocations.status(of: key.id) {
        case .active: return
        case .revoked: throw AccessTokenRejection(.invalid, detail: "revoked")
        case .unknown: throw AccessTokenRejection(.unavailable, detail: "the state of the key is not known")
        }
    }

    // A key names an endpoint of ours by its path, and a resource elsewhere by its identifier.
    private static func isResource(_ resource: String, _ named: String, _ issuer: String) -> Bool {
        resource.utf8.elementsEqual(named.utf8)
            || resource.utf8.starts(with: issuer.utf8)
                && resource.utf8.dropFirst(issuer.utf8.count).elementsEqual(named.utf8)
    }

    private func entry(_ digest: Digest) async throws(AccessTokenRejection) -> Entry {
        let now = clock.now()
        if let known = cache.withLock({ $0[digest] }), known.readAt <= now, now - known.readAt < Self.freshness {
            return known
        }
        do {
            return try await read(digest, at: now)
        } catch let rejection as AccessTokenRejection {
            throw rejection
        } catch {
            throw AccessTokenRejection(.unavailable, detail: "the store cannot be read")
        }
    }

    // Unknown keys are not remembered: a guesser must not push real ones out.
    private func read(_ digest: Digest, at now: Timestamp) async throws -> Entry {
        guard let key = try await store.apiKey(SecretDigest(bytes: digest.bytes)) else {
            throw AccessTokenRejection(.invalid, detail: "no such key")
        }
        guard let user = try await store.user(key.user), !user.isDisabled else {
            throw AccessTokenRejection(.invalid, detail: "the account is closed")
        }
        let principal = Principal(
            user: user.id, userName: user.name, email: user.email, groups: user.groups,
            claims: try await TokenSubject.claims(of: user, in: store), client: ClientID(apiKey: key.id),
            scope: key.scope, grant: key.id, expires: key.expiresAt)
        let entry = Entry(key: key, principal: principal, readAt: now)
        cache.withLock { cache in
            if cache.count >= capacity { cache.removeAll(keepingCapacity: true) }
            cache[digest] = entry
        }
        if key.lastUsedAt.map({ now - $0 >= Self.noteInterval }) ?? true {
            // A full disk must not keep readers out; the note comes another time (F12).
            try? await store.markAPIKeyUsed(key.id, at: now)
        }
        return entry
    }
}

extension ClientID {
    /// The client that a key is: each key is one of its own, so that no session outlives or crosses it (M01). No client
    /// registers with a colon in its name but by an address.
    init(apiKey: GrantID) {
        self.init("api-key:" + apiKey.value)
    }
}

extension AuthorizationService {
    /// Verifies the API keys of this server, and by `next` every other token.
    package func acceptingAPIKeys<Next: AccessTokenVerifier>(before next: Next) -> APIKeyVerifier<Next> {
        APIKeyVerifier(next: next, store: store, revocations: revocations, clock: clock)
    }
}
