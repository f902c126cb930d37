import JSON
import MCP

// Who may use what: `access` of the configuration, about each server by its own names.
extension AggregateConnection {
    /// What keeps the session's principal from something; nil where nothing does.
    func refusal(of target: Target, _ list: AggregateList) -> AccessRefusal? {
        guard let rights, let access = plan.access[target.server] else { return nil }
        let subject: RequestSubject =
            switch list {
            case .tools: .tool(target.own)
            case .prompts: .prompt(target.own)
            case .resources, .templates: .resource(target.own)
            }
        return access.refusal(of: subject, rights) { $0 }
    }

    /// Answers a request for what its principal may not have: as for what nobody has, or with the scopes that are missing.
    func refuse(_ number: Int, _ refusal: AccessRefusal, _ target: Target) {
        plan.supervisors[target.server].metrics.refused()
        routes[number]?.isDenied = true
        guard let missing = refusal.scopes else { return reply(number, refusal.error) }
        routes[number]?.missingScopes = missing
        reply(number, .insufficientScope(missing))
    }

    /// Whether an entry of a server's list is for the session's principal.
    func isVisible(_ entry: AggregateEntry, of member: AggregateMember, _ list: AggregateList) -> Bool {
        guard let rights, let access = plan.access[member.index] else { return true }
        return access.lists(entry.own, of: list, rights)
    }

    /// Whether a change of a resource is nothing to the session's principal.
    func isHidden(_ update: JSONRPCMessage, of member: AggregateMember) -> Bool {
        guard rights != nil else { return false }
        guard let uri = update.params?["uri"]?.stringBytes else { return true }
        return refusal(of: Target(server: member.index, own: uri), .resources) != nil
    }
}
