import Crypto
import JSON
import OAuth

/// Who somebody is by the word of one provider, and what access depends on.
package struct ProviderIdentity: Sendable, Hashable {
    /// Who vouches: with `subject` the identity, and nothing else is (I05).
    package var issuer: String
    /// Never reassigned by its issuer.
    package var subject: String
    /// What the user is called there; shown, never compared.
    package var name: String
    /// Verified by the provider; nil otherwise.
    package var email: EmailAddress?
    /// What an allow-list can name.
    package var facts: [AccessKey]
    /// For the access policy.
    package var groups: [String]
    /// What else the access policy looks at, by the name of the claim.
    package var claims: [String: [String]]

    /// Collects what a provider said.
    package init(
        issuer: String, subject: String, name: String, email: EmailAddress? = nil, facts: [AccessKey],
        groups: [String] = [], claims: [String: [String]] = [:]
    ) {
        self.issuer = issuer
        self.subject = subject
        self.name = name
        self.email = email
        self.facts = facts
        self.groups = groups
        self.claims = claims
    }

    /// Under which it is stored.
    package var key: SecretDigest { Self.key(issuer: issuer, subject: subject) }

    /// Under which somebody is stored of whom only this is known.
    static func key(issuer: String, subject: String) -> SecretDigest {
        SecretDigest(lengthCoding: ["identity", issuer, subject])
    }

    /// What is stored of it.
    func serialized() -> [UInt8] {
        var members: [JSONValue.Member] = [
            .init("issuer", .string(issuer)), .init("subject", .string(subject)), .init("name", .string(name)),
            .init("facts", .array(facts.map { .string($0.text) })),
            .init("groups", .array(groups.map { .string($0) })),
        ]
        if !claims.isEmpty { members.append(.init("claims", .texts(claims))) }
        if let email { members.append(.init("email", .string(email.text))) }
        return JSONValue.object(members).serialized()
    }

    /// Reads what `serialized` wrote; anything else is a damaged store.
    static func parse(_ bytes: [UInt8]) throws(StoreError) -> ProviderIdentity {
        guard let root = try? JSONDocument(parsing: bytes).root,  // any error means the same here
            let issuer = root["issuer"]?.string, let subject = root["subject"]?.string,
            let name = root["name"]?.string, let facts = root["facts"], let groups = root["groups"]
        else { throw StoreError(.corrupt, detail: "an identity cannot be read") }
        return ProviderIdentity(
            issuer: issuer, subject: subject, name: name, email: root["email"]?.string.flatMap(EmailAddress.init),
            facts: facts.elements.compactMap(\.stringBytes).map(AccessKey.init(bytes:)),
            groups: groups.elements.compactMap(\.string), claims: root["claims"]?.namedTexts ?? [:])
    }
}

/// An identity that a provider has just vouched for.
package struct VouchedIdentity: Sendable {
    /// Who it is.
    package var identity: ProviderIdentity
    /// With which the provider can be asked again; sealed before it is stored.
    package var credential: String?

    /// Pairs both.
    package init(_ identity: ProviderIdentity, credential: String?) {
        self.identity = identity
        self.credential = credential
    }
}
