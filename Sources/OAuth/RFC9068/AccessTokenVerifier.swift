/// Why a request may not go on.
package struct AccessTokenRejection: Error, Equatable, Sendable {
    package enum Kind: Sendable {
        /// 401 `invalid_token`.
        case invalid
        /// 403 `insufficient_scope`.
        case insufficientScope
        /// 503: what must be known to decide is not known. Never forwarded (R04).
        case unavailable
    }

    package let kind: Kind
    /// For our log only.
    package let detail: String

    package init(_ kind: Kind, detail: String) {
        self.kind = kind
        self.detail = detail
    }

    package static func == (left: AccessTokenRejection, right: AccessTokenRejection) -> Bool { left.kind == right.kind }
}

/// Tells on whose behalf a bearer token speaks. The gateway knows nothing else about authorization servers, so an
/// external one is a setting and not a fork.
package protocol AccessTokenVerifier: Sendable {
    /// The principal of `token` for the resource with this identifier, at the issuer with this one. Runs in the
    /// caller's isolation.
    /// A token that is bound to a key is no bearer token and is refused here.
    func verify(
        _ token: String, for resource: String, issuer: String
    ) async throws(AccessTokenRejection) -> Principal

    /// The same for a verifier that need not wait for anybody to decide; nil where this one would have to, and ``verify`` is to
    /// be called.
    func verifyAtOnce(
        _ token: PresentedToken, for resource: String, issuer: String
    ) throws(AccessTokenRejection) -> Principal?

    /// The same for a token that is bound to the key with this thumbprint (RFC 9449 §6.1), which the caller has seen proven;
    /// every other token is refused.
    func verify(
        _ token: String, boundTo thumbprint: String, for resource: String, issuer: String
    ) async throws(AccessTokenRejection) -> Principal
}

extension AccessTokenVerifier {
    /// Who may have to ask somebody decides nothing at once.
    package func verifyAtOnce(
        _ token: PresentedToken, for resource: String, issuer: String
    ) throws(AccessTokenRejection) -> Principal? {
        nil
    }

    /// Who knows no bound tokens takes none.
    package func verify(
        _ token: String, boundTo thumbprint: String, for resource: String, issuer: String
    ) async throws(AccessTokenRejection) -> Principal {
        throw AccessTokenRejection(.invalid, detail: "bound tokens are not known here")
    }
}

/// What is known about a grant.
package enum RevocationStatus: Sendable {
    case active, revoked
    /// The state is too old to say: fail closed.
    case unknown
}

/// Which grants have ended, at most a second late. Answers from memory, on any thread.
package protocol RevocationState: Sendable {
    /// Whether tokens of `grant` still count.
    func status(of grant: GrantID) -> RevocationStatus
    /// Whether nothing is known because the process stood still, so that a moment's patience helps.
    var isBehind: Bool { get }
    /// Waits for that moment; true when the state is known again.
    func catchUp() async -> Bool
}

extension RevocationState {
    package var isBehind: Bool { false }
    package func catchUp() async -> Bool { false }
}

extension RevocationState {
    /// Whether the state of grants, and of the keys that are read beside it, is recent enough to refuse what it does not
    /// know.
    var isCurrent: Bool { status(of: GrantID("")) != .unknown }
}
