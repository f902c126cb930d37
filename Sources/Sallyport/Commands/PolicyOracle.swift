import Gateway

/// What is asked of the access policy.
struct PolicyQuestion: Equatable {
    let kind: AccessKind
    let server: String
    /// The server's own name of it, or the URI.
    let name: String
}

/// What somebody asks for.
enum PolicySubject: Equatable {
    case one(PolicyQuestion)
    /// All of a protected resource: `/verify` does not see which tool a request means.
    case all(ProtectedResourceSettings)
}

/// Says what the gateway would do, with the gateway's own code.
struct PolicyOracle {
    let configuration: Configuration
    private let policy: AccessPolicy?

    init(_ configuration: Configuration) {
        self.configuration = configuration
        policy = configuration.access.map { AccessPolicy($0, servers: configuration.namesUnderPolicy) }
    }

    /// What `SERVER:NAME` asks, or NAME of the server that is given; nil where no server of that name is configured.
    func question(_ kind: AccessKind, _ text: String, server: String?) -> PolicyQuestion? {
        if let server {
            guard let settings = settings(server) else { return nil }
            return PolicyQuestion(kind: kind, server: settings.name, name: own(kind, text, settings))
        }
        for settings in configuration.servers {
            if text.utf8.starts(with: "\(settings.name):".utf8) {
                return PolicyQuestion(kind: kind, server: settings.name, name: cut(text, settings.name.utf8.count + 1))
            }
        }
        // As the aggregate calls it.
        let separator = configuration.aggregate.separator
        for settings in configuration.servers where kind != .resource {
            if text.utf8.starts(with: "\(settings.name)\(separator)".utf8) {
                let name = cut(text, settings.name.utf8.count + separator.utf8.count)
                return PolicyQuestion(kind: kind, server: settings.name, name: own(kind, name, settings))
            }
        }
        // What names a protected resource is not meant for the only server there is.
        let isElsewhere = configuration.protectedResources.contains { text.utf8.starts(with: "\($0.name):".utf8) }
        guard !isElsewhere, configuration.servers.count == 1, let only = configuration.servers.first else { return nil }
        return PolicyQuestion(kind: kind, server: only.name, name: own(kind, text, only))
    }

    private func settings(_ server: String) -> ServerSettings? {
        configuration.servers.first { $0.name.utf8.elementsEqual(server.utf8) }
    }

    private func cut(_ text: String, _ count: Int) -> String {
        String(decoding: Array(text.utf8.dropFirst(count)), as: UTF8.self)
    }

    // Clients may know a tool by another name.
    private func own(_ kind: AccessKind, _ name: String, _ settings: ServerSettings) -> String {
        guard kind == .tool, let own = settings.tools.filter.ownName(of: Array(name.utf8)) else { return name }
        return String(decoding: own, as: UTF8.self)
    }

    /// Whether somebody with these claims may use it, and why.
    func answer(_ question: PolicyQuestion, claims: (_ claim: String) -> [String]) -> PolicyAnswer {
        var answer = PolicyAnswer(subject: .one(question), isAllowed: true, reason: .noPolicy)
        let name = Array(question.name.utf8)
        if let policy, let access = policy.server(question.server) {
            let rights = policy.rights(claims: claims)
            answer.holds = policy.scopes(of: rights).sorted()
            answer.mode = policy.rules.mode
            answer.take(access.decision(question.kind, name, rights), question.kind, access)
        }
        if question.kind == .tool, settings(question.server)?.tools.filter.exposedName(of: name) == nil {
            answer.isAllowed = false
            answer.reason = .tools
        }
        return answer
    }

    /// What to ask instead, where the text names a protected resource as if it were a server.
    func hint(to text: String) -> String? {
        let name = String(decoding: Array(text.utf8.prefix { $0 != UInt8(ascii: ":") }), as: UTF8.self)
        guard let resource = protectedResource(name) else { return nil }
        return "\"\(resource.name)\" is a protected resource: /verify does not see which tool is meant; ask for "
            + "the protected resource instead"
    }

    /// The protected resource of this name or at this address; nil where none is configured.
    func protectedResource(_ text: String) -> ProtectedResourceSettings? {
        configuration.protectedResources.first { resource in
            [resource.name, resource.identifier].contains { $0.utf8.elementsEqual(text.utf8) }
        }
    }

    /// Whether `/verify` lets somebody with these claims through to a protected resource, and why. Who does not say which
    /// `scope` a token has means one with all of the resource's.
    func answer(
        _ resource: ProtectedResourceSettings, claims given: (_ claim: String) -> [String]
    ) -> PolicyAnswer {
        let scope = given("scope").isEmpty ? resource.scopes : given("scope")
        var answer = PolicyAnswer(subject: .all(resource), isAllowed: true, reason: .noPolicy)
        if let policy, let access = policy.server(resource.name) {
            let rights = policy.rights { $0 == "scope" ? scope : given($0) }
            answer.holds = policy.scopes(of: rights).sorted()
            answer.mode = policy.rules.mode
            let (decision, kind) = access.decisionForAll(rights)
            answer.take(decision, kind, access)
            if kind == .prompt && policy.rules.prompts != nil || kind == .resource && policy.rules.resources != nil {
                answer.chapter = "access.\(kind.rawValue)s"
            }
        }
        let lacking = resource.requiredScopes.filter { !scope.contains($0) }
        if answer.isAllowed, !lacking.isEmpty {
            answer.isAllowed = false
            answer.reason = .requiredScopes
            (answer.needs, answer.missing, answer.holds, answer.mode) = (
                resource.requiredScopes, lacking, scope, .all
            )
        }
        return answer
    }
}
