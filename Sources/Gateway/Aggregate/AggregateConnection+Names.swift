import AsyncIO
import Crypto
import JSON
import MCP

// Whose a name is: by tables of what the servers listed, never by what it looks like (mcp.md C2). A table keeps the names of
// servers that are not there, so that their calls say so.
extension AggregateConnection {
    /// Who has a name; nil where nobody has it for this principal.
    func target(_ name: [UInt8], _ list: AggregateList) -> Target? {
        guard let target = tables[list]?[name], members[target.server].isPermitted else { return nil }
        return target
    }

    /// Who has a resource.
    func resource(_ uri: [UInt8]) -> Target? {
        let target =
            ExposedURIs.isView(uri)
            ? views[uri].map { Target(server: $0, own: uri) }
            : plan.uris.owner(of: uri).map { Target(server: $0.server, own: $0.own) }
        guard let target, members[target.server].isPermitted else { return nil }
        return target
    }

    /// Makes the tables anew after a server gave `list`. Of two with one name the first in the order of the configuration has it.
    func rebuild(_ list: AggregateList) {
        assembled[list] = nil
        switch list {
        case .tools, .prompts:
            var table: [[UInt8]: Target] = [:]
            for member in members {
                for entry in member.lists[list]?.entries ?? [] where table[entry.exposed] == nil {
                    table[entry.exposed] = Target(server: member.index, own: entry.own)
                }
            }
            tables[list] = table
        case .resources, .templates: break
        }
        guard list == .tools || list == .resources else { return }
        var owners: [[UInt8]: Int] = [:]
        for member in members {
            for list in [AggregateList.tools, .resources] {
                for entry in member.lists[list]?.entries ?? [] {
                    if let view = entry.view, owners[view] == nil { owners[view] = member.index }
                }
            }
        }
        guard owners != views else { return }
        views = owners
        assembled = [:]
    }

    /// The entries of a server that clients see: not those whose name another entry has, and no view of another server.
    func visibleEntries(_ member: AggregateMember, _ list: AggregateList) -> [[UInt8]] {
        var seen: Set<[UInt8]> = []
        return (member.lists[list]?.entries ?? []).compactMap { entry in
            guard isVisible(entry, of: member, list) else { return nil }
            if list == .tools || list == .prompts {
                guard tables[list]?[entry.exposed]?.server == member.index, seen.insert(entry.exposed).inserted else {
                    return nil
                }
            }
            if let view = entry.view, views[view] != member.index { return entry.textWithoutView }
            return entry.text
        }
    }

    /// What tells whether clients would see another list.
    func digest(of list: AggregateList) -> Digest {
        var text: [UInt8] = []
        for member in members where member.has(list) {
            for entry in visibleEntries(member, list) { text += entry + [0x0A] }
            text += member.lists[list]?.rest ?? []
        }
        return SHA256.digest(text)
    }

    // MARK: Changes

    /// Lists may have changed: a moment later, when others may have too, clients are told, if what they see has (mcp.md C10).
    func changed(_ lists: [AggregateList]) {
        guard advertised != nil, !isStopping else { return }
        for list in lists {
            assembled[list] = nil
            changes.insert(list)
        }
        guard !lists.isEmpty, changesDue == nil else { return }
        let due = loop.now + plan.configuration.changeDelay
        changesDue = due
        arm(by: due)
    }

    /// The moment is over.
    func tellChanges() {
        let lists = changes
        changes = []
        changesDue = nil
        for list in AggregateList.allCases where lists.contains(list) {
            guard served[list] != nil else {
                // Who listens may have the list from another session.
                tellChange(of: list)
                continue
            }
            refresh(list)
            if isLearning(list) { comparing.insert(list) } else { compare(list) }
        }
    }

    func compare(_ list: AggregateList) {
        let digest = digest(of: list)
        guard served[list] != digest else { return }
        served[list] = digest
        tellChange(of: list)
    }

    private func tellChange(of list: AggregateList) {
        guard isReady, advertised?.contains(list.capability) == true else { return }
        emit(Array("{\"jsonrpc\":\"2.0\",\"method\":\"\(list.notification)\"}".utf8))
    }
}
