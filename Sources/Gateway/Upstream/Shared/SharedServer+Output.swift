import AsyncIO
import JSON
import MCP
import Synchronization
import Telemetry

// What the server writes.
extension SharedServer {
    private static let garbageLogInterval = Duration.seconds(10)

    /// Takes what came at once.
    func take(_ lines: [LineFramer.Line]) {
        for line in lines {
            if case .ended = state { return }
            // An answer that is too long is its caller's affair; what is no JSON is not.
            guard case .complete(let bytes) = line else {
                discarded.increment()
                continue
            }
            guard let document = try? JSONDocument(parsing: bytes) else {
                discard()
                continue
            }
            if document.root.isArray {
                for element in document.root.elements {
                    // Edits name places in a whole text.
                    guard let alone = try? JSONDocument(parsing: Array(element.bytes)) else { continue }
                    handle(alone.root)
                }
            } else {
                handle(document.root)
            }
        }
    }

    private func handle(_ node: JSONNode) {
        guard let message = try? JSONRPCMessage(node) else { return discard() }
        garbage = 0
        noteHeard()
        switch message.kind {
        case .response: received(response: message)
        case .request: received(question: message)
        case .notification: received(notification: message)
        }
    }

    /// Drops and counts a line that is no use (P04). Before the handshake too many in a row mean that this is no MCP server.
    /// Later one user's call may have made it write them, which is to cost the others nothing: then it is asked whether it
    /// is there, and ends only when it does not say so.
    private func discard() {
        discarded.increment()
        garbage += 1
        let now = EventLoop.preciseNow
        if garbageLogged + Self.garbageLogInterval < now {
            garbageLogged = now
            var details = connection?.details ?? [:]
            requestsInProgress.mark(&details)
            logger.notice("lines of a server were discarded", details)
        }
        guard garbage >= limits.garbageInARow else { return }
        garbage = 0
        guard case .serving = state else { return end(.garbage) }
        askWhetherThere()
    }

    private func received(response message: JSONRPCMessage) {
        // What nobody waits for, or no longer, belongs to nobody (M05).
        guard let number = message.number else { return }
        if number == 0, case .greeting = state { return introduced(message) }
        guard let entry = calls.finish(number) else { return }
        if let request = entry.caller.request { lastAnswered = (request, loop.now) }
        if let uri = entry.caller.watching, message.node["error"] == nil {
            members[entry.caller.member]?.watched.insert(uri)
        }
        let caller = entry.caller
        if caller.method == .toolsCall, let task = LegacyTasks.name(in: message) { note(task, of: caller.member) }
        guard case .serving(let introduction) = state else {
            return give(ClientBoundMessage.response(message, id: entry.id), to: caller.member)
        }
        let client = members[caller.member]?.client
        give(
            introduction.response(message, id: entry.id, method: caller.method, for: client), to: caller.member)
    }

    private func note(_ task: [UInt8], of number: Int) {
        if taskOwners.count >= Self.maximumTasks, let any = taskOwners.keys.first { taskOwners[any] = nil }
        taskOwners[task] = number
    }

    /// For whom it works, whichever session that is.
    var requestsInProgress: RequestsInProgress {
        let open = calls.open.compactMap { entry in entry.caller.request.map { (entry.number, $0) } }
        let newest = open.sorted { $0.0 > $1.0 }.map(\.1)
        return RequestsInProgress(
            open: newest, answered: lastAnswered?.request,
            before: lastAnswered.map { EventLoop.preciseNow - $0.at } ?? .zero)
    }

    /// The server answered our `initialize`; where it refuses, every session that waits hears why.
    private func introduced(_ message: JSONRPCMessage) {
        guard let result = message.node["result"], let introduction = SharedIntroduction(result) else {
            for (number, member) in members {
                guard let id = member.initialize?.exactID else { continue }
                give(ClientBoundMessage.response(message, id: id), to: number)
            }
            return end(.abandoned)
        }
        let leg = connection?.modernLeg
        modernLeg.withLock { $0 = leg }
        state = .serving(introduction)
        sendLine(SharedIntroduction.initialized)
        for number in members.keys { greet(number) }
        if members.isEmpty { arm() }
    }

    private func received(question message: JSONRPCMessage) {
        guard let id = message.exactID else { return }
        let method = MCPMethod(message.method)
        guard method != .ping else { return send(JSONRPCText.response(to: id, result: Array("{}".utf8))) }
        guard asked[id] == nil, asked.count < Questions.maximum, let number = onlySession,
            members[number]?.client?.capabilities.allows(message) == true
        else {
            let code: JSONRPCError.Code = method == .elicitationCreate ? .invalidParams : .methodNotFound
            return send(JSONRPCError(code, "No client can be asked this now").response(to: id))
        }
        asked[id] = number
        give(Array(message.node.bytes), to: number)
    }

    /// The one session of this user for which the server can be asking, or of which it can be logging: the only one that waits
    /// for it, or the only one there is.
    private var onlySession: Int? {
        guard audience != .everybody else { return nil }
        // Who listens does not wait.
        let waiting = Set(
            calls.open.lazy.filter { $0.caller.method != .subscriptionsListen }.map(\.caller.member))
        let candidates = waiting.isEmpty ? Array(members.keys) : Array(waiting)
        return candidates.count == 1 ? candidates.first : nil
    }

    private func received(notification message: JSONRPCMessage) {
        if message.isMethod("notifications/progress") {
            guard let number = message.params?["progressToken"]?.integer.flatMap({ Int(exactly: $0) }),
                let entry = calls.progress(number), let token = entry.progressToken
            else { return }
            return give(ClientBoundMessage.progress(message, token: token), to: entry.caller.member)
        }
        if message.isMethod("notifications/cancelled") {
            guard let id = message.params?["requestId"].flatMap({ JSONRPCID($0) }),
                let number = asked.removeValue(forKey: id)
            else { return }
            return give(Array(message.node.bytes), to: number)
        }
        if let entry = LegacyBoundMessage.listen(of: message).flatMap({ calls[$0] }),
            entry.caller.method == .subscriptionsListen
        {
            return give(RelayedMessage.notification(message, listen: entry.id), to: entry.caller.member)
        }
        let text = Array(message.node.bytes)
        if message.isMethod("notifications/resources/updated") {
            // Only whoever asked hears of it; it may name a part of what is watched.
            guard let uri = message.params?["uri"]?.stringBytes else { return }
            for number in watchers(of: uri) { give(text, to: number) }
            return
        }
        // What is done for one of the user's clients is not for the others, whose software may be anybody's.
        if message.isMethod("notifications/message") {
            if let number = onlySession { give(text, to: number) }
            return
        }
        if message.isMethod("notifications/tasks/status") {
            guard audience != .everybody, let task = message.params?["taskId"]?.stringBytes,
                let owner = taskOwners[task]
            else { return }
            return give(text, to: owner)
        }
        // That a list has changed is no secret of one of them.
        guard audience != .everybody || Self.announcements.contains(where: { message.isMethod($0) }) else { return }
        for (number, member) in members where member.isGreeted { give(text, to: number) }
    }

    /// Who watches `uri`. It may be a part of what is watched; but where strangers share the server, and somebody watches just
    /// this, it is for them alone.
    private func watchers(of uri: [UInt8]) -> [Int] {
        let exact = members.filter { $0.value.watched.contains(uri) }.map(\.key)
        if audience == .everybody, !exact.isEmpty { return exact }
        return members.filter { $0.value.watched.contains { ListenFilter.covers($0, uri) } }.map(\.key)
    }

    private static let announcements: [StaticString] = [
        "notifications/tools/list_changed", "notifications/prompts/list_changed",
        "notifications/resources/list_changed",
    ]
}
