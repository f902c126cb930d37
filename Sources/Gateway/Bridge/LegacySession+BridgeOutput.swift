import AsyncIO
import JSON
import MCP
import Telemetry

// What a legacy server says to modern clients.
extension LegacySession {
    /// The server answered the request of `exchange`, or nothing will.
    func settle(_ exchange: ModernExchange, _ number: Int, _ answer: ModernMessage.Answer) {
        exchange.asksAt = nil
        // Its client has the questions: what it answers may be of use to the server still.
        guard !exchange.isParked else { return exchange.answer = answer }
        refuseQuestions(of: exchange)
        close(exchange, number)
        give(answer, to: exchange.stream)
    }

    /// Nobody will answer them any more.
    func refuseQuestions(of exchange: ModernExchange) {
        for asked in exchange.questions {
            if let question = questions.answer(asked.number) { sendLine(question.refusal() + [0x0A]) }
        }
        exchange.questions = []
    }

    /// What the server's response is for a modern client.
    func answer(
        of exchange: ModernExchange, _ number: Int, _ message: JSONRPCMessage, _ id: JSONRPCID
    ) -> ModernMessage.Answer {
        if isRelay || connection?.isRelayed(number) == true { return relayed(message, of: exchange, id) }
        if exchange.method.mayAskClient, let questions = ModernMessage.urlQuestions(message) {
            guard exchange.capabilities.contains(.elicitationURL) else {
                return .init(.needsURLElicitation, to: id)
            }
            // Call 0: nothing waits, the retry is a call of its own.
            let state = RequestState(
                session: self.id, call: 0, round: 0, digest: exchange.digest, expires: surroundings.states.expiry)
            guard let sealed = try? surroundings.states.seal(state, for: principal, at: server.name) else {
                return .init(.cannotAsk, to: id)
            }
            return .init(ModernMessage.inputRequired(id: id, questions, state: sealed))
        }
        if !exchange.lacks.isEmpty, let words = ModernMessage.failure(message) {
            return .init(.lacking(exchange.lacks, words), to: id)
        }
        let broken = exchange.method == .toolsList ? learnTools(from: message.node["result"]) : []
        return ModernMessage.response(
            message, id: id, method: exchange.method, serverInfo: introduction?.info, brokenTools: broken)
    }

    func close(_ exchange: ModernExchange, _ number: Int) {
        exchanges[number] = nil
        if let task = exchange.task { taskResults[task.result] = nil }
        if let listener = exchange.listener { acknowledge(listener, tasks: nil) }
        exchange.lease.giveBack()
    }

    private func give(_ answer: ModernMessage.Answer, to stream: MessageStream) {
        stream.openCalls = 0
        if stream.isCommitted {
            append(answer.text, to: stream)
            finishIfAnswered(stream)
        } else {
            stream.isFinished = true
            // It ends before it began to be one of those that are kept.
            if stream.countsAsStream {
                stream.countsAsStream = false
                quota.closeStream()
            }
            stream.decide(.answer(answer))
        }
    }

    /// The server asks: the one call that can be answered with a question is the one that it asks for, because no two of
    /// them are in one session at a time (mcp.md B0.5).
    func received(bridged question: JSONRPCMessage, id: JSONRPCID) {
        let method = MCPMethod(question.method)
        func refuse(_ error: JSONRPCError) { sendLine(error.response(to: id) + [0x0A]) }
        // A modern server may not ask so, and nothing may be answered (d1).
        guard !isRelay else { return metrics.discardedLines.increment() }
        guard method != .ping else {
            return sendLine(JSONRPCText.response(to: id, result: Array("{}".utf8)) + [0x0A])
        }
        if let error = fault(of: question) { return refuse(error) }
        let calls = exchanges.values.filter { $0.method.mayAskClient && $0.answer == nil }
        let callers = calls.filter { !$0.capabilities.isEmpty }
        guard let exchange = callers.count == 1 ? callers.first : calls.count == 1 ? calls.first : nil else {
            let until = loop.now + server.callTimeout
            guard callers.isEmpty, early.hold(question, until: until) else { return refuse(.nobodyToAsk) }
            return arm(by: until)
        }
        guard exchange.capabilities.allows(question) else {
            // It may do without; if it fails, this is why. Roots are asked for by habit, and nothing depends on them.
            exchange.lacks.formUnion(ClientCapabilities.needed(for: question).subtracting(.roots))
            return refuse(.undeclared(method))
        }
        let deadline = loop.now + surroundings.states.lifetime
        guard let number = questions.begin(id, method: method, deadline: deadline) else {
            return refuse(JSONRPCError(.limitReached, "Too many requests wait for the client"))
        }
        let shown = ModernMessage.withoutContext(question, for: exchange.capabilities)
        exchange.questions.append(.init(key: "q\(number)", number: number, message: shown))
        // While the client is busy with those before, this one waits for the next round.
        guard !exchange.isParked, exchange.asksAt == nil else { return }
        exchange.asksAt = loop.now + Self.coalescing
        arm(by: loop.now + Self.coalescing)
    }

    private static let coalescing = Duration.milliseconds(30)

    /// Puts the open questions to the client, which ends its POST; the call goes on.
    func ask(_ exchange: ModernExchange, _ number: Int) {
        guard let entry = calls[number] else { return }
        exchange.asksAt = nil
        exchange.round += 1
        let state = RequestState(
            session: self.id, call: number, round: exchange.round, digest: exchange.digest,
            expires: surroundings.states.expiry)
        guard let sealed = try? surroundings.states.seal(state, for: principal, at: server.name) else {
            // No randomness: nothing that a client brings back could be trusted.
            return resolve(number, .failed) { JSONRPCError.cannotAsk.response(to: $0.id) }
        }
        exchange.parkedUntil = loop.now + surroundings.states.lifetime
        exchange.deadline = loop.now + surroundings.states.lifetime
        arm(by: exchange.deadline)
        let questions = exchange.questions.map { (key: $0.key, question: $0.message) }
        give(.init(ModernMessage.inputRequired(id: entry.id, questions, state: sealed)), to: exchange.stream)
    }

    /// A notification of the server: to the call that it serves, or to the listens that asked for it.
    func received(bridged notification: JSONRPCMessage) {
        if notification.isMethod("notifications/progress") {
            guard let number = notification.params?["progressToken"]?.integer.flatMap({ Int(exactly: $0) }),
                let token = calls.progress(number)?.progressToken, let exchange = exchanges[number],
                let progress = notification.params?["progress"]?.number, progress > exchange.progressed
            else { return metrics.discardedLines.increment() }
            exchange.progressed = progress
            guard !exchange.isParked else {
                exchange.progress = notification
                return
            }
            return append(ClientBoundMessage.progress(notification, token: token), to: exchange.stream)
        }
        if notification.isMethod("notifications/cancelled") {
            return isRelay ? endRelayed(notification) : withdraw(bridged: notification)
        }
        if notification.isMethod("notifications/message") { return log(notification) }
        if notification.isMethod("notifications/tools/list_changed") { forgetTools() }
        if isRelay { return relayed(notification) }
        if let exchange = LegacyBoundMessage.listen(of: notification).flatMap({ exchanges[$0] }),
            let listener = exchange.listener
        {
            return heard(notification, exchange, listener)
        }
        for stream in streams.values {
            guard let listen = stream.listen, listen.isAcknowledged, listen.filter.covers(notification) else {
                continue
            }
            append(ModernMessage.tagged(notification, listen: listen.id), to: stream)
        }
    }

    // A message that belongs to no call that asked for it belongs to nobody (c28).
    private func log(_ notification: JSONRPCMessage) {
        let callers = exchanges.values.filter { $0.logLevel != nil && !$0.isParked }
        guard callers.count == 1, let exchange = callers.first, let wanted = exchange.logLevel,
            let level = LoggingLevel(notification.params?["level"]), level >= wanted
        else { return }
        append(ClientBoundMessage.notification(notification), to: exchange.stream)
    }

    private func withdraw(bridged notification: JSONRPCMessage) {
        guard let id = notification.params?["requestId"].flatMap({ JSONRPCID($0) }) else { return }
        early.withdraw(id)
        guard let question = questions.withdraw(id) else { return }
        for exchange in exchanges.values {
            exchange.questions.removeAll { $0.number == question.number }
            if exchange.questions.isEmpty { exchange.asksAt = nil }
        }
    }

    func setLogLevel(_ level: LoggingLevel) {
        guard introduction?.logs == true, logLevel != level else { return }
        logLevel = level
        let text = Array(
            #"{"jsonrpc":"2.0","id":0,"method":"logging/setLevel","params":{"level":"\#(level.rawValue)"}}"#.utf8)
        tell(text)
    }
}
