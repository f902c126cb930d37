import AsyncIO
import JSON
import MCP
import Telemetry

// The lists: those of the servers, learnt when they are needed and kept until they change, one after the other in the order
// of the configuration (mcp.md C5, C6).
extension AggregateConnection {
    /// Most entries of one server's list, and of one page of ours.
    private static let maximumEntries = 10_000
    private static let entriesPerPage = 2000
    private static let bytesPerPage = 4 << 20
    private static let valuesPerPage = JSONLimits.standard.maximumValues / 2
    /// Most bytes of one server's list.
    private static let maximumBytes = 8 << 20
    /// Pages that are learnt of lists that clients use by their entries' names, and of others.
    private static let maximumPages = 100
    private static let maximumResourcePages = 10

    // MARK: For clients

    /// Answers a request for a list.
    func list(_ list: AggregateList, _ message: JSONRPCMessage, _ number: Int, mayWait: Bool) {
        if list == .tools, let tool = Self.onlyTool(of: message) {
            return define(tool, message, number, mayWait: mayWait)
        }
        var start = (server: 0, position: 0)
        if let cursor = message.params?["cursor"] {
            guard let text = cursor.stringBytes,
                let opened = plan.cursors.open(text, of: list, for: AggregatePlan.holder(principal)),
                let member = member(named: opened.server)
            else { return reply(number, JSONRPCError(.invalidParams, "The cursor is not valid")) }
            if let upstream = opened.upstream {
                return forward(message, number, to: member, .cursor(upstream), .page(list))
            }
            start = (member.index, opened.position)
        }
        if mayWait, wait(for: [list], message, number, evenOld: true) { return }
        let contributors = members.filter { $0.offers(list) }
        if !contributors.isEmpty, contributors.allSatisfy({ $0.lists[list]?.isMissing == true }) {
            return reply(number, JSONRPCError(.internalError, "None of the servers gave its list"))
        }
        if start == (0, 0) { served[list] = served[list] ?? digest(of: list) }
        if start == (0, 0), let text = assembled[list] { return reply(number, result: text) }
        let (text, isAll) = page(list, from: start)
        if isAll, start == (0, 0) { assembled[list] = text }
        reply(number, result: text)
    }

    /// A page, and whether it is the last one.
    private func page(
        _ list: AggregateList, from start: (server: Int, position: Int)
    ) -> (text: [UInt8], isLast: Bool) {
        var text = Self.opening(of: list)
        var (count, values) = (0, 0)
        var next: AggregateCursor?
        scan: for member in members[start.server...] where member.has(list) {
            let entries = visibleEntries(member, list)
            var position = member.index == start.server ? min(start.position, entries.count) : 0
            while position < entries.count {
                let entry = entries[position]
                values += AggregateEntry.weight(of: entry)
                let fits = text.count + entry.count <= Self.bytesPerPage && values <= Self.valuesPerPage
                guard count == 0 || count < Self.entriesPerPage && fits else {
                    next = AggregateCursor(list: list, server: member.server.name, position: position)
                    break scan
                }
                if count > 0 { text.append(UInt8(ascii: ",")) }
                text += entry
                count += 1
                position += 1
            }
            if let rest = member.lists[list]?.rest {
                next = AggregateCursor(list: list, server: member.server.name, upstream: rest)
                break
            }
        }
        return (close(text, next), next == nil)
    }

    /// A page that a server gave for a cursor of its own.
    func turned(_ message: JSONRPCMessage, _ id: JSONRPCID, _ member: AggregateMember, _ list: AggregateList) {
        guard let number = Self.number(id) else { return }
        guard let page = read(message, member, list) else {
            let error = JSONRPCError(.internalError, "The server \"\(member.server.name)\" did not go on with its list")
            return reply(number, error)
        }
        var text = Self.opening(of: list)
        for (position, entry) in page.entries.enumerated()
        where entry.view == nil && isVisible(entry, of: member, list) {
            if position > 0, text.last != UInt8(ascii: "[") { text.append(UInt8(ascii: ",")) }
            text += entry.text
        }
        var next = page.next.map { AggregateCursor(list: list, server: member.server.name, upstream: $0) }
        if next == nil, let following = members[(member.index + 1)...].first(where: { $0.has(list) }) {
            next = AggregateCursor(list: list, server: following.server.name)
        }
        let closed = close(text, next)
        guard closed.count <= JSONLimits.standard.maximumBytes else {
            return reply(number, JSONRPCError(.internalError, "The answer of the server is too long"))
        }
        reply(number, result: closed)
    }

    private static func opening(of list: AggregateList) -> [UInt8] {
        var text = Array("{\"".utf8)
        JSONText.append(list.key, to: &text)
        JSONText.append("\":[", to: &text)
        return text
    }

    private func close(_ text: [UInt8], _ next: AggregateCursor?) -> [UInt8] {
        var text = text
        text.append(UInt8(ascii: "]"))
        // Without randomness there is no next page: nothing that comes back could be trusted.
        if let next, let sealed = try? plan.cursors.seal(next, for: AggregatePlan.holder(principal)) {
            JSONText.append(",\"nextCursor\":", to: &text)
            text += JSONText.quoted(sealed)
        }
        text.append(UInt8(ascii: "}"))
        return text
    }

    // MARK: From servers

    /// Holds `message` back until the lists are known; false where they are. `evenOld` also asks those again who do not say
    /// when theirs change.
    func wait(
        for lists: [AggregateList], _ message: JSONRPCMessage, _ number: Int, evenOld: Bool = false
    ) -> Bool {
        for list in lists { refresh(list, evenOld: evenOld) }
        guard lists.contains(where: { isLearning($0) }) else { return false }
        waiting.append(Waiting(number: number, message: message, lists: lists))
        return true
    }

    func isLearning(_ list: AggregateList) -> Bool { members.contains { $0.isAwaited(list) } }

    /// Asks the servers whose list is not known.
    func refresh(_ list: AggregateList, evenOld: Bool = false) {
        let now = loop.now
        for member in members where member.offers(list) && !member.isLearning(list) {
            let known = member.lists[list] ?? .init()
            // What was not given is asked for again by itself; what is said to have changed at once.
            guard known.retryAt == nil || known.isStale else { continue }
            let isOld =
                evenOld && !member.capabilities.contains(list.announcement)
                && known.loaded + plan.configuration.listLifetime <= now
            guard !known.isLoaded || known.isStale || isOld else { continue }
            learn(list, of: member)
        }
    }

    /// A page of a list that is being learnt.
    func learnt(_ message: JSONRPCMessage, _ member: AggregateMember, _ list: AggregateList) {
        guard var known = member.lists[list], var learning = known.learning else { return }
        guard let page = read(message, member, list) else { return failedToLearn(list, member) }
        learning += page.entries
        known.pages += 1
        known.bytes += page.entries.reduce(0) { $0 + $1.text.count }
        let isByName = list == .tools || list == .prompts
        let maximum = isByName ? Self.maximumPages : Self.maximumResourcePages
        if let next = page.next, known.pages < maximum, learning.count < Self.maximumEntries,
            known.bytes < Self.maximumBytes
        {
            known.learning = learning
            member.lists[list] = known
            let cursor = JSONText.quoted(String(decoding: next, as: UTF8.self))
            return ask(member, list.method.rawValue, Array("{\"cursor\":".utf8) + cursor + [0x7D], for: .learning(list))
        }
        if isByName, page.next != nil {
            logger.warning(
                "a server has more than can be listed",
                ["member": .string(member.server.name), "list": .string(list.method.rawValue)])
        }
        known.entries = Array(learning.prefix(Self.maximumEntries))
        known.rest = isByName ? nil : page.next
        known.learning = nil
        known.isLoaded = true
        known.awaitedUntil = nil
        known.failures = 0
        known.loaded = loop.now
        member.lists[list] = known
        rebuild(list)
        if known.isMissing { found(list, of: member) }
        resume(list)
    }

    /// Nil where it is no list. A server that does not know the method has none.
    private func read(
        _ message: JSONRPCMessage, _ member: AggregateMember, _ list: AggregateList
    ) -> AggregatePage? {
        let message = plan.icons?.placing(message, list.method, of: member.server.name, at: nil) ?? message
        var result = message.node["result"]
        if message.node["error"]?["code"]?.integer == JSONRPCError.Code.methodNotFound.value {
            result = Self.nothing
        }
        guard
            var page = AggregatePage(
                result, of: list, server: member.index, names: plan.names, uris: plan.uris,
                filter: member.server.tools.exposedName)
        else { return nil }
        leaveOut(&page, member, list)
        return page
    }

    /// Takes out what fits on no page of ours: the others are not to miss theirs for it.
    private func leaveOut(_ page: inout AggregatePage, _ member: AggregateMember, _ list: AggregateList) {
        var names: [String] = []
        page.entries.removeAll { entry in
            let isTooLong =
                entry.text.count > Self.bytesPerPage || AggregateEntry.weight(of: entry.text) > Self.valuesPerPage
            if isTooLong { names.append(String(decoding: entry.own.prefix(100), as: UTF8.self)) }
            return isTooLong
        }
        for name in names where member.leftOut.count < Self.entriesPerPage && member.leftOut.insert(name).inserted {
            logger.warning(
                "an entry of a list is too long to be shown",
                [
                    "member": .string(member.server.name), "list": .string(list.method.rawValue),
                    "entry": .string(name),
                ])
            // Not by its name: not everybody may know that.
            say("An entry of a list of the server \"\(member.server.name)\" is left out: it is too long")
        }
    }

    private static let nothing: JSONNode? = try? JSONDocument(
        parsing: Array(#"{"tools":[],"prompts":[],"resources":[],"resourceTemplates":[]}"#.utf8)
    ).root

    /// What waited for a list goes on, when it and the others that it waits for are there.
    func resume(_ list: AggregateList) {
        guard !isLearning(list) else { return resumeNamed(list) }
        var ready: [Waiting] = []
        waiting.removeAll { waiting in
            guard waiting.lists.contains(list), !waiting.lists.contains(where: { isLearning($0) }) else { return false }
            ready.append(waiting)
            return true
        }
        for waiting in ready { dispatch(waiting.message, waiting.number, mayWait: false) }
        if comparing.remove(list) != nil { compare(list) }
    }

    /// A call does not wait for the servers that it is not for.
    private func resumeNamed(_ list: AggregateList) {
        guard list == .tools || list == .prompts else { return }
        var ready: [Waiting] = []
        waiting.removeAll { waiting in
            guard waiting.lists == [list], let name = Self.name(in: waiting.message), target(name, list) != nil else {
                return false
            }
            ready.append(waiting)
            return true
        }
        for waiting in ready { dispatch(waiting.message, waiting.number, mayWait: false) }
    }
}
