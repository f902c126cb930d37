import AsyncIO
import JSON
import MCP
import Telemetry

// What the servers write.
extension AggregateConnection {
    /// Questions of one server that may wait for the client at once.
    private static let maximumQuestions = 32

    /// Takes what came at once.
    func take(_ lines: [LineFramer.Line], from member: AggregateMember) {
        // One hand-over for all that comes of it.
        let isFirst = !isDelivering
        isDelivering = true
        for line in lines { take(line, from: member) }
        if isFirst { deliver() }
    }

    private func take(_ line: LineFramer.Line, from member: AggregateMember) {
        guard member.state == .present || member.state == .starting else { return }
        guard case .complete(let bytes) = line, let document = try? JSONDocument(parsing: bytes) else {
            return discard(member)
        }
        guard document.root.isArray else { return handle(document.root, member) }
        for element in document.root.elements {
            // Edits name places in a whole text.
            guard let alone = try? JSONDocument(parsing: Array(element.bytes)) else { continue }
            handle(alone.root, member)
        }
    }

    private func handle(_ node: JSONNode, _ member: AggregateMember) {
        do throws(JSONRPCError) {
            let message = try JSONRPCMessage(node)
            switch message.kind {
            case .response: received(response: message, member)
            case .request: received(question: message, member)
            case .notification: received(notification: message, member)
            }
        } catch {
            discard(member)
        }
    }

    /// Counts a line that is no use; too many in a row mean that this is no MCP server (P04).
    private func discard(_ member: AggregateMember) {
        member.supervisor.metrics.discardedLines.increment()
        member.garbage += 1
        if member.garbage >= plan.limits.garbageInARow { finish(member, .garbage) }
    }

    // MARK: Answers

    private func received(response message: JSONRPCMessage, _ member: AggregateMember) {
        guard let number = message.id?.integer.flatMap({ Int(exactly: $0) }), let entry = member.calls.finish(number)
        else { return discard(member) }
        member.garbage = 0
        member.timeouts = 0
        let result = message.node["result"]
        switch entry.caller.purpose {
        case .initialize: introduced(member, message)
        case .request(let method): pass(message, entry, member, method)
        case .subscription(let uri, let begins):
            if result != nil, begins { member.subscriptions.insert(uri) }
            if !begins { member.subscriptions.remove(uri) }
            pass(message, entry, member, .other)
        case .task(let task): pass(message, entry, member, task.isResult ? .toolsCall : .other, asked: task)
        case .listen: endTaskListen(entry, of: member)
        case .page(let list): turned(message, entry.id, member, list)
        case .learning(let list): learnt(message, member, list)
        case .nothing: break
        }
    }

    private func pass(
        _ message: JSONRPCMessage, _ entry: Correlation<AggregateMember.Call>.Entry, _ member: AggregateMember,
        _ method: MCPMethod, asked: AggregateMember.Task? = nil
    ) {
        guard let outer = Self.number(entry.id) else { return }
        let text = member.messages.response(message, id: entry.id, method: method) { own in
            // In a request about it the client's own word comes back.
            if let asked { return asked.own == own ? asked.exposed : nil }
            return method == .toolsCall ? taskName(own, of: member) : nil
        }
        guard text.count <= JSONLimits.standard.maximumBytes else {
            // What the gateway put in made it longer than a message may be.
            return reply(outer, JSONRPCError(.internalError, "The answer of the server is too long"))
        }
        reply(outer, text)
    }

    /// The session's number in an id that was made of it.
    static func number(_ id: JSONRPCID) -> Int? { Int(String(decoding: id.text, as: UTF8.self)) }

    // MARK: Questions

    private func received(question message: JSONRPCMessage, _ member: AggregateMember) {
        guard let id = message.exactID else { return discard(member) }
        member.garbage = 0
        func refuse(_ error: JSONRPCError) { send(error.response(to: id) + [0x0A], to: member) }
        switch MCPMethod(message.method) {
        case .ping: return send(JSONRPCText.response(to: id, result: Array("{}".utf8)) + [0x0A], to: member)
        case .elicitationCreate, .samplingCreateMessage, .rootsList: break
        // Whatever else a client has may be another server's.
        default: return refuse(.unknownMethod)
        }
        guard member.isPresent else { return refuse(JSONRPCError(.invalidRequest, "There is nobody to ask")) }
        guard !isBridged || member.calls.open.contains(where: { Self.mayAsk($0.caller.purpose) }) else {
            // The call that is in progress may be another server's: its client is not this one's to ask (C16).
            return refuse(JSONRPCError(.invalidParams, "No request of a client that could be asked is in progress"))
        }
        guard member.openQuestions < Self.maximumQuestions else {
            return refuse(JSONRPCError(.limitReached, "Too many requests wait for the client"))
        }
        member.openQuestions += 1
        lastQuestion += 1
        asked[lastQuestion] = Asked(
            server: member.index, generation: member.generation, id: id,
            progressToken: message.progressToken.flatMap { JSONRPCID($0) }?.text)
        emit(member.messages.question(message, number: lastQuestion) { member.tasks[$0] })
    }

    private static func mayAsk(_ purpose: AggregateMember.Purpose) -> Bool {
        switch purpose {
        case .request(let method): method.mayAskClient
        case .task(let task): task.isResult
        default: false
        }
    }

    /// A question has its answer; the calls of a server that waited for people have their time anew.
    func closeQuestion(of member: AggregateMember) {
        member.openQuestions -= 1
        let deadline = loop.now + member.server.callTimeout
        member.calls.update { $0.deadline = max($0.deadline, deadline) }
        arm(by: deadline)
    }

    // MARK: Notifications

    private func received(notification message: JSONRPCMessage, _ member: AggregateMember) {
        member.garbage = 0
        guard member.isPresent else { return }
        if overhears(message, member) { return }
        if message.isMethod("notifications/progress") {
            guard let number = message.params?["progressToken"]?.integer.flatMap({ Int(exactly: $0) }),
                let entry = member.calls.progress(number), let token = entry.progressToken
            else { return member.supervisor.metrics.discardedLines.increment() }
            return emit(ClientBoundMessage.progress(message, token: token))
        }
        if message.isMethod("notifications/message") { return emit(member.messages.log(message)) }
        if message.isMethod("notifications/resources/updated") {
            guard !isHidden(message, of: member) else { return }
            return emit(member.messages.updated(message))
        }
        if message.isMethod("notifications/cancelled") { return withdraw(message, member) }
        if message.isMethod("notifications/tasks/status") { return taskNoticed(message, member) }
        if message.isMethod("notifications/elicitation/complete") {
            return emit(ClientBoundMessage.notification(message))
        }
        let lists = AggregateList.changed(by: message)
        for list in lists { member.lists[list]?.isStale = true }
        if !lists.isEmpty { changed(lists) }
        // What else there may be is of features that are not routed.
    }

    /// A server takes a question back.
    private func withdraw(_ message: JSONRPCMessage, _ member: AggregateMember) {
        guard let id = message.params?["requestId"].flatMap({ JSONRPCID($0) }),
            let number = asked.first(where: {
                $0.value.server == member.index && $0.value.generation == member.generation && $0.value.id == id
            })?.key
        else { return }
        asked[number] = nil
        closeQuestion(of: member)
        emit(ClientBoundMessage.cancellation(message, number: number))
    }

    /// Takes back what a server asked that is gone.
    func withdrawAll(_ member: AggregateMember) {
        for (number, asked) in asked where asked.server == member.index {
            self.asked[number] = nil
            emit(JSONRPCText.cancelled(JSONRPCID(number: number), reason: "the server has ended"))
        }
        member.openQuestions = 0
    }
}
