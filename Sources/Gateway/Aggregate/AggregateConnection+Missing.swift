import AsyncIO
import JSON
import MCP
import Telemetry

// Lists that a server does not give, or not in time: it counts as absent from them, nobody waits for it any more, and what it
// says later is told as a change (mcp.md C5).
extension AggregateConnection {
    /// Longest time between two attempts, in seconds.
    private static let maximumListDelay = 60

    /// Asks a server for a list.
    func learn(_ list: AggregateList, of member: AggregateMember) {
        var known = member.lists[list] ?? .init()
        known.learning = []
        known.isStale = false
        known.pages = 0
        known.bytes = 0
        known.retryAt = nil
        if !known.isMissing {
            let deadline = loop.now + plan.configuration.listPatience
            known.awaitedUntil = deadline
            arm(by: deadline)
        }
        member.lists[list] = known
        ask(member, list.method.rawValue, Array("{}".utf8), for: .learning(list))
    }

    /// A server did not give its list, and is asked again later.
    func failedToLearn(_ list: AggregateList, _ member: AggregateMember) {
        guard member.isLearning(list) else { return }
        member.lists[list]?.learning = nil
        member.lists[list]?.awaitedUntil = nil
        guard member.state == .present else { return resume(list) }
        let failures = min((member.lists[list]?.failures ?? 0) + 1, 16)
        let due = loop.now + .seconds(min(Self.maximumListDelay, 1 << (failures - 1)))
        member.lists[list]?.failures = failures
        member.lists[list]?.retryAt = due
        arm(by: due)
        missed(list, of: member)
        resume(list)
    }

    /// What is due of lists.
    func tickLists(_ now: LoopInstant) {
        for member in members {
            for list in AggregateList.allCases {
                guard let known = member.lists[list] else { continue }
                if let deadline = known.awaitedUntil, deadline <= now {
                    member.lists[list]?.awaitedUntil = nil
                    missed(list, of: member)
                    resume(list)
                }
                guard let retry = known.retryAt, retry <= now else { continue }
                if member.offers(list) {
                    learn(list, of: member)
                } else {
                    member.lists[list]?.retryAt = nil
                    member.lists[list]?.isStale = true
                }
            }
        }
    }

    /// When the next of it is due.
    var nextListDue: LoopInstant? {
        members.lazy.flatMap { $0.lists.values }.flatMap { [$0.awaitedUntil, $0.retryAt].compactMap { $0 } }.min()
    }

    private func missed(_ list: AggregateList, of member: AggregateMember) {
        guard let known = member.lists[list], !known.isMissing else { return }
        member.lists[list]?.isMissing = true
        assembled[list] = nil
        logger.warning(
            "a server did not give its list",
            ["member": .string(member.server.name), "list": .string(list.method.rawValue)])
        say("The server \"\(member.server.name)\" does not answer \(list.method.rawValue): what it has is left out")
        if known.isLoaded { changed([list]) }
    }

    /// A server gave its list after all.
    func found(_ list: AggregateList, of member: AggregateMember) {
        member.lists[list]?.isMissing = false
        assembled[list] = nil
        logger.notice(
            "a server gave its list after all",
            ["member": .string(member.server.name), "list": .string(list.method.rawValue)])
        say("The server \"\(member.server.name)\" answers \(list.method.rawValue) again")
        changed([list])
    }

    // MARK: One tool

    /// The tool whose definition alone a session asks for.
    static func onlyTool(of message: JSONRPCMessage) -> [UInt8]? {
        message.params?[AggregateMessages.toolKey]?.stringBytes
    }

    /// What a request names that may have to wait until it is known whose it is.
    static func name(in message: JSONRPCMessage) -> [UInt8]? {
        guard AggregateList(MCPMethod(message.method)) == nil else { return onlyTool(of: message) }
        return (message.params?["name"] ?? message.params?["ref"]?["name"])?.stringBytes
    }

    /// Answers with the definition of one tool, or with none: whoever calls it does not wait for other servers.
    func define(_ tool: [UInt8], _ message: JSONRPCMessage, _ number: Int, mayWait: Bool) {
        let target = target(tool, .tools)
        if target == nil, mayWait, wait(for: [.tools], message, number) { return }
        let member = target.map { members[$0.server] }
        let entry = member?.lists[.tools]?.entries.first { $0.exposed == tool }
        var text = Array("{\"tools\":[".utf8)
        if let member, let entry, isVisible(entry, of: member, .tools) { text += entry.text }
        reply(number, result: text + Array("]}".utf8))
    }
}
