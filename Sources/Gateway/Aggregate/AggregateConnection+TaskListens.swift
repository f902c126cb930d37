import AsyncIO
import JSON
import MCP

// Listens for tasks of the modern era: one of the session becomes one at each server that has some of them (mcp.md C10, C14).
extension AggregateConnection {
    /// What the session listens for at several servers.
    struct TaskListen {
        /// One server's part.
        struct Part {
            let server: Int
            let number: Int
            /// JSON text of the session's names by the server's own.
            let names: [[UInt8]: [UInt8]]
            var isAcknowledged = false
        }

        /// Until when the servers may say what they tell of.
        let deadline: LoopInstant
        var parts: [Part] = []
        /// JSON text of the names that servers agreed to tell of.
        var kept: [[UInt8]] = []
        var isAcknowledged = false
    }

    /// Takes a `subscriptions/listen` of the session, which names tasks and nothing else.
    func listenForTasks(_ message: JSONRPCMessage, _ number: Int) {
        var names: [Int: [[UInt8]: [UInt8]]] = [:]
        for text in (try? TaskMessage.listened(message)) ?? [] {
            guard let opened = plan.tasks.open(text, for: AggregatePlan.holder(principal)),
                let member = member(named: opened.server), member.isPresent,
                member.connection?.modernLeg?.hasTasks == true
            else { continue }
            names[member.index, default: [:]][opened.own] = JSONText.quoted(String(decoding: text, as: UTF8.self))
        }
        // The session waits twice as long.
        var listen = TaskListen(deadline: loop.now + plan.limits.listenTimeout / 2)
        for (server, names) in names {
            let member = members[server]
            let own = names.keys.map { String(decoding: $0, as: UTF8.self) }
            let deadline = loop.now + member.server.absoluteTimeout
            let inner = member.calls.begin(
                JSONRPCID(number: number), progressToken: nil, caller: .init(purpose: .listen, deadline: deadline))
            arm(by: deadline)
            listen.parts.append(.init(server: server, number: inner, names: names))
            send(
                member.messages.request(
                    TaskMessage.listening(message, to: own), number: inner, target: .nothing, keepsEnvelope: true),
                to: member)
        }
        guard !listen.parts.isEmpty else { return reply(number, .unknownTask) }
        taskListens[number] = listen
        arm(by: listen.deadline)
    }

    /// Goes on with those that have said what they tell of, where others do not in time (mcp.md C10).
    func endWaitingForListens(_ now: LoopInstant) {
        for listen in taskListens.values where !listen.isAcknowledged && listen.deadline <= now {
            for part in listen.parts where !part.isAcknowledged {
                let member = members[part.server]
                guard let entry = member.calls.finish(part.number) else { continue }
                send(
                    JSONRPCText.cancelled(JSONRPCID(number: part.number), reason: "not acknowledged in time") + [0x0A],
                    to: member)
                endTaskListen(entry, of: member)
            }
        }
    }

    /// When the next of them is due.
    var nextListenDue: LoopInstant? {
        taskListens.values.lazy.filter { !$0.isAcknowledged }.map(\.deadline).min()
    }

    /// A notification that belongs to a listen of ours. False for others.
    func overhears(_ message: JSONRPCMessage, _ member: AggregateMember) -> Bool {
        guard let inner = LegacyBoundMessage.listen(of: message), let entry = member.calls[inner],
            case .listen = entry.caller.purpose, let number = Self.number(entry.id), var listen = taskListens[number],
            let place = listen.parts.firstIndex(where: { $0.server == member.index && $0.number == inner }),
            let renamed = TaskMessage.renamed(message, listen.parts[place].names)
        else { return false }
        if message.isMethod("notifications/subscriptions/acknowledged") {
            listen.parts[place].isAcknowledged = true
            if let kept = renamed.params?["notifications"]?["taskIds"] {
                listen.kept += kept.elements.map { Array($0.bytes) }
            }
            taskListens[number] = listen
            acknowledge(number)
        } else if listen.isAcknowledged, message.isMethod("notifications/tasks") {
            emit(RelayedMessage.notification(renamed, listen: JSONRPCID(number: number)))
        }
        return true
    }

    /// Says what is heard of, as soon as all servers have said so.
    private func acknowledge(_ number: Int) {
        guard let listen = taskListens[number], !listen.isAcknowledged,
            listen.parts.allSatisfy(\.isAcknowledged)
        else { return }
        taskListens[number]?.isAcknowledged = true
        emit(TaskMessage.acknowledged(listen.kept, listen: JSONRPCID(number: number)))
    }

    /// A server does not tell of its part any more, or never does; the others go on.
    func endTaskListen(_ entry: Correlation<AggregateMember.Call>.Entry, of member: AggregateMember) {
        guard let number = Self.number(entry.id) else { return }
        taskListens[number]?.parts.removeAll { $0.server == member.index && $0.number == entry.number }
        guard taskListens[number]?.parts.isEmpty == true else { return acknowledge(number) }
        taskListens[number] = nil
        reply(number, result: Array("{\"resultType\":\"complete\"}".utf8))
    }

    /// The session listens no longer. False where it did not.
    func cancelsTaskListen(_ number: Int) -> Bool {
        guard let listen = taskListens.removeValue(forKey: number) else { return false }
        for part in listen.parts where members[part.server].calls.finish(part.number) != nil {
            send(
                JSONRPCText.cancelled(JSONRPCID(number: part.number), reason: "nobody listens") + [0x0A],
                to: members[part.server])
        }
        return true
    }
}
