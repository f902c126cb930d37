import AsyncIO
import JSON
import MCP

// What a session says to a modern server, and what the server answers.
extension ModernServerConnection {
    /// Requests at once; a session is held to less by its principal's quota.
    private static let maximumCalls = 1024
    /// Bytes of requests that are kept so that they can be tried again.
    private static let maximumKept = 16 << 20

    /// Takes a message of the session. The result says whether lines wait to be flushed.
    func accept(
        _ message: JSONRPCMessage, _ client: LegacyClient, _ introduction: ServerIntroduction
    ) throws(IOError) -> Bool {
        switch message.kind {
        case .response:
            replied(message, client)
            return false
        case .notification: return try noted(message, client, introduction)
        case .request: break
        }
        guard let id = message.exactID else { return false }
        func refuse(_ code: JSONRPCError.Code, _ text: String) -> Bool {
            emit(JSONRPCError(code, text).response(to: id))
            return false
        }
        if RelayedMessage.hasEnvelope(message) {
            guard calls.count < Self.maximumCalls else { return refuse(.limitReached, "Too many calls are waiting") }
            return try relay(message, id)
        }
        switch MCPMethod(message.method) {
        case .ping: emit(JSONRPCText.response(to: id, result: Array("{}".utf8)))
        case .loggingSetLevel:
            guard introduction.logs else { return refuse(.methodNotFound, "Method not found") }
            guard let level = LoggingLevel(message.params?["level"]) else {
                return refuse(.invalidParams, "\"level\" is no level")
            }
            logLevel = level
            emit(JSONRPCText.response(to: id, result: Array("{}".utf8)))
        case .resourcesSubscribe: subscribe(message, id, client, introduction)
        case .resourcesUnsubscribe: unsubscribe(message, id, client)
        case .initialize: return refuse(.invalidRequest, "The session has begun already")
        // Tasks of the two eras have the same methods for other things; none are offered here.
        case .serverDiscover, .subscriptionsListen, .samplingCreateMessage, .elicitationCreate, .rootsList, .tasksGet,
            .tasksUpdate, .tasksCancel, .tasksResult, .tasksList:
            return refuse(.methodNotFound, "Method not found")
        case let method:
            guard calls.count < Self.maximumCalls else { return refuse(.limitReached, "Too many calls are waiting") }
            guard message.params?.isObject ?? true else {
                return refuse(.invalidParams, "\"params\" must be an object")
            }
            return try begin(message, id, method, client)
        }
        return false
    }

    /// A request that has the envelope of its client: nothing is to be put into other words.
    private func relay(_ message: JSONRPCMessage, _ id: JSONRPCID) throws(IOError) -> Bool {
        lastNumber += 1
        let call = ModernCall(id, MCPMethod(message.method), nil, tool: nil, isRelayed: true)
        call.number = lastNumber
        calls[id] = call
        working[lastNumber] = call
        do throws(IOError) {
            return try inner.enqueue(RelayedMessage.request(message, number: lastNumber))
        } catch {
            forget(call)
            throw error
        }
    }

    /// The server ends a listen that was relayed. False where it is none.
    private func relayedEnd(_ message: JSONRPCMessage) -> Bool {
        guard let number = message.params?["requestId"]?.integer.flatMap({ Int(exactly: $0) }),
            let call = working[number], call.isRelayedListen
        else { return false }
        // By an answer: a number in a notification could be that of a question as well.
        finish(call, JSONRPCText.response(to: call.id, result: Array("{\"resultType\":\"complete\"}".utf8)))
        return true
    }

    private func begin(
        _ message: JSONRPCMessage, _ id: JSONRPCID, _ method: MCPMethod, _ client: LegacyClient
    ) throws(IOError) -> Bool {
        let size = message.node.document.bytes.count
        let isKept = method.mayAskClient && keptBytes + size <= Self.maximumKept
        if isKept { keptBytes += size }
        lastNumber += 1
        let call = ModernCall(
            id, method, isKept ? message : nil, tool: method == .toolsCall ? message.params?["name"] : nil)
        call.number = lastNumber
        calls[id] = call
        working[lastNumber] = call
        let line = ModernBoundMessage.request(message, number: lastNumber, client: client, logLevel: logLevel)
        do throws(IOError) {
            return try inner.enqueue(line)
        } catch {
            forget(call)
            throw error
        }
    }

    /// Nobody waits for it any more, or it has been answered.
    func forget(_ call: ModernCall) {
        calls[call.id] = nil
        if let number = call.number { working[number] = nil }
        if let message = call.message { keptBytes -= message.node.document.bytes.count }
        for number in call.open.keys { asked[number] = nil }
    }

    /// A notification of the session.
    private func noted(
        _ message: JSONRPCMessage, _ client: LegacyClient, _ introduction: ServerIntroduction
    ) throws(IOError) -> Bool {
        if message.isMethod("notifications/initialized") {
            beginListening(client, introduction)
            return false
        }
        if message.isMethod("notifications/cancelled") { return try cancelled(message) }
        // What the old era has beside these says nothing to the new one (B1).
        guard let method = message.method?.stringBytes, !method.starts(with: "notifications/".utf8) else {
            return false
        }
        return try inner.enqueue(Array(message.node.bytes) + [0x0A])
    }

    private func cancelled(_ message: JSONRPCMessage) throws(IOError) -> Bool {
        guard let id = message.params?["requestId"].flatMap({ JSONRPCID($0) }), let call = calls[id] else {
            return false
        }
        for number in call.open.keys { emit(LegacyBoundMessage.withdrawal(of: number)) }
        forget(call)
        cancelTask(of: call)
        guard let number = call.number else { return false }
        return try inner.enqueue(ServerBoundMessage.cancellation(message, number: number))
    }

    // MARK: From the server

    /// The server answered something.
    func answered(_ message: JSONRPCMessage, _ client: LegacyClient) {
        guard let number = message.id?.integer.flatMap({ Int(exactly: $0) }) else { return emitUseless() }
        guard let call = working[number] else {
            return dismisses(number) || listenAnswered(number, message, client) ? () : emitUseless()
        }
        working[number] = nil
        call.number = nil
        guard !call.isRelayed else { return finish(call, ClientBoundMessage.response(message, id: call.id)) }
        if call.task != nil { return answered(message, aboutTaskOf: call, client) }
        guard let result = message.node["result"] else {
            return finish(call, LegacyBoundMessage.error(message, id: call.id, method: call.method))
        }
        guard let type = result["resultType"], !type.equals("complete") else {
            return finish(
                call,
                LegacyBoundMessage.result(
                    message, id: call.id, method: call.method, tool: call.tool, client: client, outputs: &outputs))
        }
        if type.equals("task") { return follow(call, result) }
        guard type.equals("input_required") else {
            return fail(call, "The server gave a result of a kind that the client does not know")
        }
        pump(call, result, client)
    }

    func finish(_ call: ModernCall, _ answer: [UInt8]) {
        for number in call.open.keys { emit(LegacyBoundMessage.withdrawal(of: number)) }
        forget(call)
        emit(answer)
    }

    /// The call cannot go on.
    func fail(_ call: ModernCall, _ text: String) {
        cancelTask(of: call)
        finish(call, LegacyBoundMessage.failure(text, id: call.id, method: call.method))
    }

    /// A notification of the server.
    func notified(_ message: JSONRPCMessage, _ client: LegacyClient, _ introduction: ServerIntroduction) {
        if message.isMethod("notifications/progress") {
            // The token is the id of the session's request; reports begin anew with every round and must not (c29).
            guard let id = message.params?["progressToken"].flatMap({ JSONRPCID($0) }), let call = calls[id],
                let progress = message.params?["progress"]?.number, progress > call.progress
            else { return }
            call.progress = progress
            return emit(Array(message.node.bytes))
        }
        if message.isMethod("notifications/message") {
            guard let logLevel, let level = LoggingLevel(message.params?["level"]), level >= logLevel else { return }
            return emit(Array(message.node.bytes))
        }
        if let call = LegacyBoundMessage.listen(of: message).flatMap({ working[$0] }), call.isRelayedListen {
            return emit(RelayedMessage.notification(message, listen: call.id))
        }
        if message.isMethod("notifications/cancelled") {
            return relayedEnd(message) ? () : listenCancelled(message, client)
        }
        if message.isMethod("notifications/subscriptions/acknowledged") { return acknowledged(message, client) }
        if let listen = LegacyBoundMessage.listen(of: message) { return overheard(message, listen) }
        if message.isOfComparison { return emit(Array(message.node.bytes)) }
        // The rest must belong to a listen (c26), and extensions are not spoken of with this client.
    }
}
