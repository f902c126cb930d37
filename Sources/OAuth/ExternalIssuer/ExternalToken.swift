import HTTP
import JSON
import Telemetry

/// A token of another issuer that is good there; whether it is good here depends on the resource.
final class ExternalToken: Sendable {
    /// For issuers that do not say when a token ends: then it is asked again.
    private static let unknownLifetime = Duration.seconds(900)
    /// Clocks may differ by this much.
    private static let skew = Duration.seconds(60)

    let principal: Principal
    /// Nil where the token names none.
    let audience: [String]?

    /// Reads claims whose origin is proven. `isSigned` ones must say who issued them and when they end (RFC 9068 §2.2); the
    /// answer of an introspection need not (RFC 7662 §2.2).
    init(_ claims: JSONNode, of issuer: ExternalIssuer, isSigned: Bool, at now: Timestamp) throws(AccessTokenRejection)
    {
        guard claims["iss"]?.stringBytes.map({ $0.elementsEqual(issuer.issuer.text.utf8) }) ?? !isSigned else {
            throw Self.invalid("another issuer")
        }
        // Bound to a key that nobody has shown (RFC 9449 §7.2, RFC 8705 §3).
        guard claims["cnf"] == nil else { throw Self.invalid("bound to a key") }
        let expires = try Self.time("exp", in: claims)
        guard expires != nil || !isSigned else { throw Self.invalid("exp is missing") }
        if let expires, expires <= now { throw Self.invalid("expired") }
        for name in ["iat", "nbf"] as [StaticString] {
            if let time = try Self.time(name, in: claims), time > now + Self.skew {
                throw Self.invalid("not valid yet")
            }
        }
        guard let user = ClaimMapping.text(issuer.claims.user, in: claims) else { throw Self.invalid("no user") }
        audience = try Self.audience(claims)
        try Self.checkKind(claims)
        let isVerified = claims["email_verified"].map(Self.isTrue) ?? true
        let client = ClaimMapping.text(issuer.claims.client, in: claims) ?? ""
        principal = Principal(
            // Who somebody is, is issuer and subject together: two issuers may have the same subject.
            user: UserID(issuer.issuer.text + "#" + user),
            userName: ClaimMapping.text(issuer.claims.name, in: claims) ?? user,
            email: isVerified ? ClaimMapping.text(issuer.claims.email, in: claims) : nil,
            groups: ClaimMapping.texts(issuer.claims.groups, in: claims),
            claims: issuer.claims.others(in: claims),
            client: ClientID(issuer.issuer.text + "#" + client),
            scope: Self.scope(ClaimMapping.texts(issuer.claims.scope, in: claims)),
            token: claims["jti"]?.string.map { TokenID($0) }, expires: expires ?? now + Self.unknownLifetime)
    }

    /// Checks what depends on the moment and the place.
    func check(
        _ issuer: ExternalIssuer, resource: String, origin: String, at now: Timestamp
    ) throws(AccessTokenRejection) {
        guard now < principal.expires else { throw Self.invalid("expired") }
        if let audience {
            let isOurs = audience.contains { $0.utf8.elementsEqual(resource.utf8) || issuer.names($0) }
            // The resource itself may stand at another origin than ours (`protected_resources`).
            let isKnown = audience.allSatisfy {
                $0.utf8.elementsEqual(resource.utf8) || issuer.names($0) || Self.isResource($0, of: origin)
            }
            guard isOurs, isKnown else {
                throw Self.invalid("for another resource")
            }
        } else {
            guard issuer.acceptsMissingAudience else { throw Self.invalid("no audience") }
        }
        guard principal.scope.contains(Scope(tokens: issuer.requiredScopes)) else {
            throw AccessTokenRejection(.insufficientScope, detail: "a required scope is missing")
        }
    }

    /// An ID token or a refresh token is no access token (RFC 8725 §3.11), also where `typ` of the header says only `JWT` and
    /// where an introspection calls every live token active. Issuers that sign several kinds alike tell them apart by these
    /// claims; a bound token is no bearer token (RFC 9449 §6.2).
    private static func checkKind(_ claims: JSONNode) throws(AccessTokenRejection) {
        for name in ["token_use", "token_type", "typ"] as [StaticString] {
            guard let kind = claims[name]?.string else { continue }
            let word = String(decoding: kind.utf8.map(AbsoluteURI.lowercased), as: UTF8.self)
            guard !otherKinds.contains(word) else { throw invalid("a token of another kind: \(word)") }
        }
        // OpenID Connect Core §3.3.2.11: only an ID token has them.
        guard claims["at_hash"] == nil, claims["c_hash"] == nil else { throw invalid("an ID token") }
    }

    private static let otherKinds: Set<String> = [
        "id", "id_token", "refresh", "refresh_token", "offline", "logout", "logout+jwt", "dpop", "pop",
    ]

    // Some issuers write booleans as texts.
    private static func isTrue(_ node: JSONNode) -> Bool {
        node.boolean ?? node.string.map { $0.utf8.elementsEqual("true".utf8) } ?? false
    }

    // What is no scope token (RFC 6749 §3.3) can be no scope that is asked for.
    private static func scope(_ texts: [String]) -> Scope {
        Scope(tokens: texts.filter { (try? Scope(parsing: $0)) != nil })
    }

    private static func isResource(_ audience: String, of origin: String) -> Bool {
        audience.utf8.starts(with: origin.utf8) && audience.utf8.dropFirst(origin.utf8.count).first == UInt8(ascii: "/")
    }

    private static func invalid(_ detail: String) -> AccessTokenRejection {
        AccessTokenRejection(.invalid, detail: detail)
    }

    /// NumericDate, of which whole positive seconds are accepted.
    private static func time(_ name: StaticString, in claims: JSONNode) throws(AccessTokenRejection) -> Timestamp? {
        guard let node = claims[name] else { return nil }
        guard let seconds = node.integer, seconds > 0 else { throw invalid("\(name) is not a time") }
        return Timestamp(secondsSinceEpoch: seconds)
    }

    private static func audience(_ claims: JSONNode) throws(AccessTokenRejection) -> [String]? {
        guard let node = claims["aud"] else { return nil }
        if let single = node.string { return [single] }
        let all = node.elements.compactMap(\.string)
        guard node.isArray, !all.isEmpty, all.count == node.count else { throw invalid("aud is not an audience") }
        return all
    }
}

extension ExternalIssuer {
    /// Whether this is a name under which the issuer knows us.
    fileprivate func names(_ audience: String) -> Bool {
        audiences.contains { $0.utf8.elementsEqual(audience.utf8) }
    }
}
