package import AsyncIO
package import HTTP

/// Login by a header that a proxy in front sets, after it has authenticated the user itself. Off unless configured, and
/// believed from the named networks alone: anybody else could write the header.
package struct TrustedProxyLogin: Sendable {
    private static let maximumBytes = 255
    private static let maximumGroups = 200

    /// The name in the configuration.
    package let id: String
    /// What a person calls it.
    package let title: String
    /// Who may come in by it.
    package let allowList: AllowList
    private let userField: HTTPFieldName
    private let emailField: HTTPFieldName?
    private let groupsField: HTTPFieldName?
    private let networks: [CIDR]

    /// A login by `userField`, which counts from `networks`.
    package init(
        id: String, title: String, userField: HTTPFieldName, emailField: HTTPFieldName?, groupsField: HTTPFieldName?,
        networks: [CIDR], allowList: AllowList
    ) {
        self.id = id
        self.title = title
        self.userField = userField
        self.emailField = emailField
        self.groupsField = groupsField
        self.networks = networks
        self.allowList = allowList
    }

    /// Under which its users are known.
    var issuer: String { "trusted-proxy:\(id)" }

    /// Who the proxy says that this is; nil from anywhere else, and for a header that is not there exactly once.
    func identity(in request: HTTPRequest) -> ProviderIdentity? {
        guard let peer = request.peerAddress.ipAddress, networks.contains(where: { $0.contains(peer) }),
            let user = text(userField, in: request)
        else { return nil }
        let email = emailField.flatMap { text($0, in: request) }.flatMap(EmailAddress.init) ?? EmailAddress(user)
        let groups = groups(in: request)
        var facts = [AccessKey(.user, user)] + groups.map { AccessKey(.group, $0) }
        if let email { facts.append(AccessKey(.user, email.text)) }
        return ProviderIdentity(
            issuer: issuer, subject: user, name: user, email: email, facts: facts, groups: groups)
    }

    private func text(_ name: HTTPFieldName, in request: HTTPRequest) -> String? {
        let values = request.fields.values(name)
        guard values.count == 1, let value = values.first, (1...Self.maximumBytes).contains(value.utf8.count),
            value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
        else { return nil }
        return value
    }

    private func groups(in request: HTTPRequest) -> [String] {
        guard let groupsField, let text = request.fields.values(groupsField).first,
            request.fields.values(groupsField).count == 1
        else { return [] }
        let parts = text.split(separator: ",").map { $0.drop { $0 == " " } }
        let trimmed = parts.map { part in String(part.reversed().drop { $0 == " " }.reversed()) }
        return Array(trimmed.filter { (1...Self.maximumBytes).contains($0.utf8.count) }.prefix(Self.maximumGroups))
    }
}
