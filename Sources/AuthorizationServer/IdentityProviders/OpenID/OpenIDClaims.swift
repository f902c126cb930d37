import JSON
import OAuth

/// How one kind of OpenID provider says what access depends on.
package struct OpenIDClaims: Sendable, Hashable {
    /// Which claim `allow.users` is compared with, and how.
    package enum UserClaim: Sendable, Hashable {
        /// `email`, which counts only beside `email_verified: true` (I05).
        case verifiedEmail
        /// A claim that the operator's own directory controls and that has the form of an e-mail address.
        case directoryAddress(String)
        /// Any other claim, byte for byte.
        case exact(String)

        package var name: String {
            switch self {
            case .verifiedEmail: "email"
            case .directoryAddress(let name), .exact(let name): name
            }
        }
    }

    /// What a person is called, the best first.
    static let names = ["preferred_username", "email", "name"]
    private static let maximumGroups = 500
    private static let maximumBytes = 256

    /// Which claim `allow.users` is compared with.
    package var userClaim: UserClaim
    /// The claim with the groups; nil where the provider has none.
    package var groupsClaim: String?
    /// The claim with the user's organization domain (Google's `hd`).
    package var domainClaim: String?
    /// Claims for which the provider is asked when the ID token has none of them.
    package var needs: [String]
    /// What else the access policy looks at.
    package var others: [String] = []

    /// Describes one kind of provider.
    package init(
        userClaim: UserClaim, groupsClaim: String? = nil, domainClaim: String? = nil, needs: [String]
    ) {
        self.userClaim = userClaim
        self.groupsClaim = groupsClaim
        self.domainClaim = domainClaim
        self.needs = needs
    }

    /// What the claims say.
    func identity(_ claims: LoginClaims, issuer: String) -> ProviderIdentity {
        let email = Self.verifiedEmail(claims)
        let groups = groups(claims)
        var facts = groups.map { AccessKey(.group, $0) }
        switch userClaim {
        case .verifiedEmail: facts += email.map { [AccessKey(.user, $0.text)] } ?? []
        case .directoryAddress(let name):
            facts += Self.text(claims[name]).flatMap(EmailAddress.init).map { [AccessKey(.user, $0.text)] } ?? []
        case .exact(let name): facts += Self.text(claims[name]).map { [AccessKey(.user, $0)] } ?? []
        }
        if let domainClaim, let domain = Self.text(claims[domainClaim]) {
            facts.append(AccessKey(.domain, ignoringCase: domain))
        }
        let name = Self.names.lazy.compactMap { Self.text(claims[$0]) }.first
        return ProviderIdentity(
            issuer: issuer, subject: claims.subject, name: name ?? claims.subject, email: email, facts: facts,
            groups: groups, claims: others(in: claims))
    }

    // The boolean and nothing that looks like it: a provider that does not know whether it checked says nothing.
    private static func verifiedEmail(_ claims: LoginClaims) -> EmailAddress? {
        guard claims["email_verified"]?.boolean == true else { return nil }
        return text(claims["email"]).flatMap(EmailAddress.init)
    }

    private func groups(_ claims: LoginClaims) -> [String] {
        guard let groupsClaim, let node = claims[groupsClaim] else { return [] }
        return Self.texts(node)
    }

    private func others(in claims: LoginClaims) -> [String: [String]] {
        var found: [String: [String]] = [:]
        for name in others { found[name] = claims[name].map(Self.texts) }
        return found
    }

    private static func texts(_ node: JSONNode) -> [String] {
        let names = node.isArray ? node.elements.prefix(maximumGroups).compactMap(text) : []
        return node.isArray ? names : text(node).map { [$0] } ?? []
    }

    private static func text(_ node: JSONNode?) -> String? {
        guard let text = node?.string, (1...maximumBytes).contains(text.utf8.count) else { return nil }
        return text
    }
}
