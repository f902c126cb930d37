import AsyncIO
import JSON
import MCP
import Telemetry

// What sessions send.
extension SharedServer {
    /// Takes lines of a session. They are our own writing, so that none of them is refused for its form. `requests` says which
    /// requests of clients they are, by the session's numbers.
    func accept(_ lines: [[UInt8]], from number: Int, _ requests: [(number: Int, request: RequestID)] = []) {
        guard members[number] != nil else { return }
        for line in lines {
            guard let document = try? JSONDocument(parsing: line), let message = try? JSONRPCMessage(document.root)
            else {
                continue
            }
            switch message.kind {
            case .request:
                let own = message.number
                ask(message, for: number, requests.first { $0.number == own }?.request)
            case .notification: tell(message, for: number)
            case .response: answer(message, of: number)
            }
        }
    }

    private func ask(_ message: JSONRPCMessage, for number: Int, _ request: RequestID?) {
        let method = MCPMethod(message.method)
        func refuse(_ error: JSONRPCError) { give(error.response(to: message.exactID), to: number) }
        switch method {
        case .initialize:
            members[number]?.initialize = message
            members[number]?.client = LegacyClient(message)
            return greet(number)
        case .loggingSetLevel where audience == .everybody:
            return refuse(JSONRPCError(.methodNotFound, "Method not found"))
        case .resourcesSubscribe:
            guard let uri = message.params?["uri"]?.stringBytes, mayWatch(uri, number) else {
                return refuse(JSONRPCError(.limitReached, "Too many subscriptions"))
            }
        case .resourcesUnsubscribe:
            guard let uri = message.params?["uri"]?.stringBytes, let id = message.exactID else { break }
            members[number]?.watched.remove(uri)
            // Others still watch it.
            if isWatched(uri) { return give(JSONRPCText.response(to: id, result: Array("{}".utf8)), to: number) }
        default: break
        }
        guard calls.count < Self.maximumCalls, let id = message.exactID else {
            return refuse(JSONRPCError(.limitReached, "Too many calls wait for this server"))
        }
        let token = message.progressToken.flatMap { JSONRPCID($0) }?.text
        let call = calls.begin(
            id, progressToken: token,
            caller: Call(
                member: number, method: method, began: EventLoop.preciseNow, request: request,
                watching: method == .resourcesSubscribe ? message.params?["uri"]?.stringBytes : nil))
        // The session put it there; whoever works on it shall have it.
        let identity = message.params?["_meta"]?[ServerBoundMessage.identityKey].map { Array($0.bytes) }
        guard !sendLine(ServerBoundMessage.request(message, number: call, identity: identity), of: number) else {
            return
        }
        _ = calls.finish(call)
        refuse(JSONRPCError(.limitReached, "The server does not keep up"))
    }

    /// Whether a session may watch one more: what is under way counts too.
    private func mayWatch(_ uri: [UInt8], _ number: Int) -> Bool {
        let asking = calls.open.count { $0.caller.member == number && $0.caller.watching != nil }
        return uri.count <= Self.maximumWatchedBytes
            && (members[number]?.watched.count ?? 0) + asking < Self.maximumWatched
    }

    private func tell(_ message: JSONRPCMessage, for number: Int) {
        if message.isMethod("notifications/cancelled") {
            guard let id = message.params?["requestId"].flatMap({ JSONRPCID($0) }),
                let entry = calls.open.first(where: { $0.caller.member == number && $0.id == id })
            else { return }
            _ = calls.finish(entry.number)
            givenUp(entry.caller)
            sendLine(ServerBoundMessage.cancellation(message, number: entry.number), of: number)
            return
        }
        // The handshake is ours, and what everybody shares hears nothing of the roots of one.
        guard !message.isMethod("notifications/initialized"), audience != .everybody else { return }
        sendLine(ServerBoundMessage.notification(message), of: number)
    }

    /// An answer to a question of the server, from the session that was asked and from no other (M06).
    private func answer(_ message: JSONRPCMessage, of number: Int) {
        guard let id = message.exactID, asked[id] == number else { return }
        asked[id] = nil
        sendLine(Array(message.node.bytes) + [0x0A], of: number)
    }

    /// Unsubscribes in nobody's name.
    func unsubscribe(_ uri: [UInt8]) {
        let text =
            Array("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"resources/unsubscribe\",\"params\":{\"uri\":".utf8)
            + JSONText.quoted(String(decoding: uri, as: UTF8.self)) + Array("}}".utf8)
        guard let document = try? JSONDocument(parsing: text), let message = try? JSONRPCMessage(document.root),
            let id = message.exactID
        else { return }
        let call = calls.begin(
            id, progressToken: nil, caller: Call(member: 0, method: .resourcesUnsubscribe, began: EventLoop.preciseNow))
        sendLine(ServerBoundMessage.request(message, number: call, identity: nil))
        // Nobody waits for the answer.
        _ = calls.finish(call)
    }

    // MARK: The handshake

    /// Answers the `initialize` of a session as soon as the server has answered ours.
    func greet(_ number: Int) {
        guard case .serving(let introduction) = state, let member = members[number], !member.isGreeted,
            let initialize = member.initialize
        else { return }
        members[number]?.isGreeted = true
        guard let answer = introduction.answer(to: initialize, logs: audience != .everybody) else { return }
        give(answer, to: number)
    }
}
