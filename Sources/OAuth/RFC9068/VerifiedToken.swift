import Crypto
import JSON
import Synchronization
import Telemetry

/// An access token whose signature and form are proven; when and where it counts is not.
final class VerifiedToken: Sendable {
    let principal: Principal
    let issuer: String
    let audience: [String]
    let notBefore: Timestamp
    let grant: GrantID
    let keyID: [UInt8]
    /// The key that its sender has to prove (RFC 9449 §6.1); nil for a bearer token.
    let keyThumbprint: [UInt8]?

    /// Reads the claims of RFC 9068 §2.2; nil where one is missing or of the wrong kind.
    init?(_ claims: JSONNode, keyID: [UInt8]) {
        guard let issuer = claims["iss"]?.string, let subject = Self.text(claims["sub"]),
            let audience = Self.audience(claims["aud"]), let expires = Self.time(claims["exp"]),
            let issuedAt = Self.time(claims["iat"]), let id = Self.text(claims["jti"]),
            let client = Self.text(claims["client_id"]), let grant = Self.text(claims["grant"]),
            let scope = Self.scope(claims["scope"])
        else { return nil }
        var notBefore = issuedAt
        if let claim = claims["nbf"] {
            guard let time = Self.time(claim) else { return nil }
            notBefore = max(notBefore, time)
        }
        // RFC 7800 §3.1: a confirmation that is not understood cannot be left out of account.
        keyThumbprint = claims["cnf"]?["jkt"]?.stringBytes
        guard claims["cnf"] == nil || keyThumbprint != nil else { return nil }
        self.issuer = issuer
        self.audience = audience
        self.notBefore = notBefore
        self.grant = GrantID(grant)
        self.keyID = keyID
        principal = Principal(
            user: UserID(subject), userName: claims["name"]?.string ?? subject, email: claims["email"]?.string,
            groups: claims["groups"]?.elements.compactMap(\.string) ?? [],
            claims: claims["claims"]?.namedTexts ?? [:], client: ClientID(client), scope: scope,
            grant: GrantID(grant), token: TokenID(id), expires: expires)
    }

    private static func text(_ node: JSONNode?) -> String? {
        guard let text = node?.string, !text.isEmpty else { return nil }
        return text
    }

    private static func scope(_ node: JSONNode?) -> Scope? {
        guard let node else { return Scope(tokens: []) }
        guard let text = node.string else { return nil }
        // A scope that cannot be read is refused like a missing claim.
        return text.isEmpty ? Scope(tokens: []) : try? Scope(parsing: text)
    }

    /// NumericDate, of which whole positive seconds are accepted.
    private static func time(_ node: JSONNode?) -> Timestamp? {
        guard let seconds = node?.integer, seconds > 0 else { return nil }
        return Timestamp(secondsSinceEpoch: seconds)
    }

    private static func audience(_ node: JSONNode?) -> [String]? {
        guard let node else { return nil }
        if let single = node.string { return [single] }
        let all = node.elements.compactMap(\.string)
        return node.isArray && !all.isEmpty && all.count == node.count ? all : nil
    }
}

/// Remembers verified tokens under their full digest (T09). Two generations: when the young one is full it becomes
/// the old one, so the size is bounded and what is in use stays.
///
/// A `Mutex`, because all loops share it; the section is one look-up.
final class VerifiedTokenCache<Token: Sendable>: Sendable {
    private struct State {
        var young: [Digest: Token] = [:]
        var old: [Digest: Token] = [:]
    }

    private let generationCapacity: Int
    private let state = Mutex(State())

    init(capacity: Int) {
        generationCapacity = max(1, capacity / 2)
    }

    func token(_ digest: Digest) -> Token? {
        state.withLock { state in
            if let token = state.young[digest] { return token }
            guard let token = state.old.removeValue(forKey: digest) else { return nil }
            insert(token, digest, &state)
            return token
        }
    }

    func insert(_ token: Token, for digest: Digest) {
        state.withLock { insert(token, digest, &$0) }
    }

    private func insert(_ token: Token, _ digest: Digest, _ state: inout State) {
        if state.young.count >= generationCapacity {
            state.old = state.young
            state.young.removeAll(keepingCapacity: true)
        }
        state.young[digest] = token
    }

    var count: Int { state.withLock { $0.young.count + $0.old.count } }
}
