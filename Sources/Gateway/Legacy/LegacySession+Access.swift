import JSON
import MCP
import OAuth

// Who may use what: `access` of the configuration. Without it nothing here is asked.
extension LegacySession {
    /// What the token of `principal` is worth by the policy; looked up once as long as the same token comes.
    func rights(_ policy: AccessPolicy, of principal: Principal) -> AccessRights {
        if let known = knownRights, known.principal === principal { return known.rights }
        let rights = policy.rights(of: principal)
        // Other tools may be there to mirror parameters of.
        if let known = knownRights, known.rights != rights { forgetTools() }
        knownRights = (principal, rights)
        return rights
    }

    /// What keeps `principal` from a request; nil where nothing does. One of the aggregate is judged where its server is known.
    func refusal(of request: JSONRPCMessage, _ method: MCPMethod, for principal: Principal) -> AccessRefusal? {
        guard let access, let policy = surroundings.policy else { return nil }
        let rights = rights(policy, of: principal)
        let subjects = RequestSubject.named(by: request, method)
        if method == .other, !access.isUsable(by: rights) {
            return .scopes(access.openingScopes)
        }
        return refusal(of: subjects, access, rights)
    }

    private func refusal(
        of subjects: [RequestSubject], _ access: ServerAccess, _ rights: AccessRights
    ) -> AccessRefusal? {
        var refusals: [AccessRefusal] = []
        for subject in subjects {
            if let refusal = access.refusal(of: subject, rights, own: server.tools.ownName) { refusals.append(refusal) }
        }
        // What does not exist no scope opens.
        return refusals.first { $0.scopes == nil } ?? Self.together(refusals)
    }

    /// Everything that is missing for several requests at once (R05); nil where scopes would not help, or are not needed.
    func missingScopes(for requests: [JSONRPCMessage], _ principal: Principal) -> [String]? {
        guard access != nil else { return nil }
        let refusals = requests.compactMap { refusal(of: $0, MCPMethod($0.method), for: principal) }
        return Self.together(refusals.filter { $0.scopes != nil })?.scopes
    }

    private static func together(_ refusals: [AccessRefusal]) -> AccessRefusal? {
        guard refusals.count > 1 else { return refusals.first }
        var all: [String] = []
        for scope in refusals.flatMap({ $0.scopes ?? [] })
        where !all.contains(where: { $0.utf8.elementsEqual(scope.utf8) }) { all.append(scope) }
        return .scopes(all)
    }

    /// What keeps `principal` from watching resources.
    func refusal(watching uris: [String], for principal: Principal) -> AccessRefusal? {
        guard let access, let policy = surroundings.policy else { return nil }
        return refusal(
            of: uris.map { .resource(Array($0.utf8)) }, access, rights(policy, of: principal))
    }

    /// What a modern client is told that has no call yet.
    func refused(_ refusal: AccessRefusal, _ id: JSONRPCID) -> CallOutcome {
        metrics.refused()
        guard let missing = refusal.scopes else { return .answer(.init(refusal.error, to: id)) }
        return .forbidden(missing, refusal.error.response(to: id))
    }

    /// Ends the waiting for call `number`, which its principal may not make.
    func refuse(_ number: Int, _ refusal: AccessRefusal, _ stream: MessageStream) {
        stream.missingScopes = refusal.scopes
        metrics.refused()
        resolve(number, .forbidden, refusal.error)
    }

    /// An answer as clients get it: lists as they may see them, and icons where they can be seen. Nil where it cannot be made.
    func shown(_ response: JSONRPCMessage, _ method: MCPMethod, for principal: Principal) -> JSONRPCMessage? {
        guard method != .toolsCall, let icons = surroundings.icons, server.name != AggregateConfiguration.name else {
            return visible(response, method, for: principal)
        }
        return visible(response, method, for: principal).map {
            icons.placing($0, method, of: server.name, at: server.site)
        }
    }

    /// A list as clients get it: without what the server's filter hides, and without what the policy does not give to whoever
    /// asked. Nil where it cannot be made.
    func visible(_ response: JSONRPCMessage, _ method: MCPMethod, for principal: Principal) -> JSONRPCMessage? {
        guard let access, let policy = surroundings.policy, let list = AggregateList(method) else {
            return method == .toolsList ? server.tools.filtered(response) : response
        }
        let rights = rights(policy, of: principal)
        guard list == .tools else {
            return ListMessage.keeping(response, list) { access.lists($0, of: list, rights) }
        }
        return ToolMessage.list(response) { own in
            access.lists(own, of: list, rights) ? server.tools.exposedName(of: own) : nil
        }
    }

    /// Whether a notification of the server speaks of something that its reader may not have any more.
    func isHidden(_ notification: JSONRPCMessage) -> Bool {
        guard let access, let policy = surroundings.policy,
            notification.isMethod("notifications/resources/updated")
        else { return false }
        guard let uri = notification.params?["uri"]?.stringBytes else { return true }
        return access.refusal(of: .resource(uri), rights(policy, of: latest)) { $0 } != nil
    }
}
