import AsyncIO
import JSON
import MCP
import Telemetry

// What the server writes.
extension LegacySession {
    /// Takes what came at once.
    func take(_ lines: [LineFramer.Line]) {
        answeredAt = EventLoop.preciseNow
        for line in lines where end == nil { take(line) }
        answeredAt = nil
        holdBack()
    }

    private func take(_ line: LineFramer.Line) {
        guard case .complete(let bytes) = line, let document = try? JSONDocument(parsing: bytes) else {
            // Not JSON, or too long: what exactly does not matter, it is counted and gone.
            return discard()
        }
        if document.root.isArray {
            for element in document.root.elements { handle(element) }
        } else {
            handle(document.root)
        }
    }

    private func handle(_ node: JSONNode) {
        do throws(JSONRPCError) {
            let message = try JSONRPCMessage(node)
            switch message.kind {
            case .response: received(response: message)
            case .request: received(question: message)
            case .notification: received(notification: message)
            }
        } catch {
            discard()
        }
    }

    /// Counts a line that is no use; too many in a row mean that this is no MCP server (P04).
    private func discard() {
        metrics.discardedLines.increment()
        garbage += 1
        if garbage == 1 {
            var details = connection?.details ?? [:]
            requestsInProgress().mark(&details)
            logger.notice("a line of a server was discarded", details)
        }
        if garbage >= limits.garbageInARow { finish(.garbage) }
    }

    private func received(response raw: JSONRPCMessage) {
        guard var number = raw.id?.integer.flatMap({ Int(exactly: $0) }) else { return discard() }
        if isBridged {
            guard let call = call(endedBy: number, raw) else {
                garbage = 0
                return
            }
            number = call
        }
        guard let entry = calls.finish(number) else { return discard() }
        garbage = 0
        timeouts = 0
        var error = CallEnd.serverError
        if surroundings.policy != nil {
            entry.caller.stream.missingScopes = connection?.missingScopes(of: number)
            if connection?.isDenied(number) == true || entry.caller.stream.missingScopes != nil { error = .forbidden }
        }
        guard let shown = shown(raw, entry.caller.method, for: entry.caller.stream.principal) else {
            return settle(entry, .invalidAnswer, JSONRPCError.unreadableList.response(to: entry.id))
        }
        let message = withoutForbiddenQuestions(keepingTasksApart(shown, entry.caller.method))
        let isResult = message.node["error"] == nil
        let end = isResult ? Self.ending(message, entry.caller.method) : error
        if entry.caller.method == .initialize { established(isResult ? message.node["result"] : nil) }
        if isBridged, let exchange = exchanges[number] {
            count(entry, end)
            return settle(exchange, number, answer(of: exchange, number, message, entry.id))
        }
        settle(entry, end, ClientBoundMessage.response(message, id: entry.id))
    }

    private static func ending(_ answer: JSONRPCMessage, _ method: MCPMethod) -> CallEnd {
        guard method == .toolsCall, answer.node["result"]?["isError"]?.boolean == true else { return .answered }
        return .toolError
    }

    /// The server answered `initialize`.
    private func established(_ result: JSONNode?) {
        guard let result, end == nil, !isEstablished else { return }
        version = result["protocolVersion"]?.stringBytes.flatMap { ProtocolVersion(bytes: $0) }
        isEstablished = true
        surroundings.observer.began(self)
        guard isBridged else { return }
        if let own = connection?.relayModern() {
            introduction = own
            isRelay = true
            return
        }
        introduction = ServerIntroduction(result)
        sendLine(Array(#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.utf8) + [0x0A])
    }

    private func received(question message: JSONRPCMessage) {
        guard let id = message.exactID else { return discard() }
        garbage = 0
        guard !isBridged else { return received(bridged: message, id: id) }
        if let error = fault(of: message) { return sendLine(error.response(to: id) + [0x0A]) }
        let method = MCPMethod(message.method)
        let deadline = loop.now + server.callTimeout
        guard let number = questions.begin(id, method: method, deadline: deadline) else {
            let refusal = JSONRPCError(.limitReached, "Too many requests wait for the client")
            return sendLine(refusal.response(to: id) + [0x0A])
        }
        let text = ClientBoundMessage.question(message, number: number)
        if let stream = stream(for: .forRequest(openCalls: openCalls, generalIsOpen: generalIsOpen)) {
            append(text, to: stream)
            questions.sent(number, on: stream.number)
        } else if method == .ping, let question = questions.answer(number) {
            // Nobody to ask, but the session is alive.
            sendLine(question.refusal() + [0x0A])
        } else {
            questions.hold(number, text)
        }
        arm(by: deadline)
    }

    private func received(notification message: JSONRPCMessage) {
        garbage = 0
        guard access == nil || !isHidden(message), !asksForbidden(message) else { return }
        guard !isBridged else { return received(bridged: message) }
        if message.isMethod("notifications/progress") {
            guard let number = message.params?["progressToken"]?.integer.flatMap({ Int(exactly: $0) }),
                let entry = calls.progress(number), let token = entry.progressToken
            else { return metrics.discardedLines.increment() }
            return append(ClientBoundMessage.progress(message, token: token), to: entry.caller.stream)
        }
        if message.isMethod("notifications/cancelled") { return withdraw(message) }
        let text = ClientBoundMessage.notification(message)
        let choice: StreamChoice =
            message.isMethod("notifications/message")
            ? .forRequest(openCalls: openCalls, generalIsOpen: generalIsOpen)
            : .forAnnouncement(openCalls: openCalls, generalIsOpen: generalIsOpen)
        // Without a stream it waits, as long as there is room, for the GET that may come.
        append(text, to: stream(for: choice) ?? general)
    }

    /// The server takes a question back.
    private func withdraw(_ message: JSONRPCMessage) {
        guard let id = message.params?["requestId"].flatMap({ JSONRPCID($0) }), let question = questions.withdraw(id),
            let number = question.stream, let stream = streams[number], !stream.isFinished
        else { return }
        append(ClientBoundMessage.cancellation(message, number: question.number), to: stream)
    }

    /// The numbers of the POST streams on which a message may go.
    var openCalls: Set<Int> {
        Set(calls.open.lazy.filter { $0.caller.stream.isOpenCall }.map { $0.caller.stream.number })
    }

    var generalIsOpen: Bool { streams[0]?.reader == .attached }

    private func stream(for choice: StreamChoice) -> MessageStream? {
        switch choice {
        case .call(let number): calls.open.first { $0.caller.stream.number == number }?.caller.stream
        case .general: general
        case .none: nil
        }
    }
}

extension JSONRPCError {
    fileprivate static let unreadableList = JSONRPCError(.internalError, "The server gave a list that cannot be read")
}
