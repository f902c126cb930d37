import AsyncIO
import HTTP
import JSON
import MCP
import OAuth

// What clients send.
extension LegacySession {
    /// One message of a batch, and what the audit trail says about it.
    typealias BatchMember = (message: JSONRPCMessage, record: CallRecord?)

    /// Takes one message of a client. A request suspends until something can be said about it.
    func accept(_ message: JSONRPCMessage, for principal: Principal, record: CallRecord?) async -> CallOutcome {
        switch admit(message, for: principal, record: record) {
        case .outcome(let outcome): return outcome
        case .stream(let stream): return await outcome(of: stream)
        }
    }

    /// The same for a caller that is on the session's loop, as nearly always: it waits where it is. To go to this actor and
    /// back changes executors ten times.
    nonisolated func accept(
        _ message: JSONRPCMessage, for principal: Principal, record: CallRecord?, until departure: ClientDeparture?
    ) async -> CallOutcome {
        guard let departure, departure.loop === loop, loop.isIsolatingCurrentContext() == true else {
            return await accept(message, for: principal, record: record)
        }
        // SAFETY: a stream stays on its loop, and so does the caller.
        nonisolated(unsafe) let waiting: MessageStream
        switch admitHere(message, for: principal, record: record) {
        case .outcome(let outcome): return outcome
        case .stream(let stream): unsafe waiting = stream
        }
        let number = unsafe waiting.number
        if departure.hasHappened {
            loop.execute { self.assumeIsolated { $0.abandon(number) } }
        } else {
            departure.notify { self.assumeIsolated { $0.abandon(number) } }
        }
        defer { departure.notify(nil) }
        return await Waiter.waitUncancelled {
            unsafe waiting.takeOutcome()
        } in: {
            unsafe $0(&waiting.outcomeWaiter)
        }
    }

    /// What becomes of a message at once.
    private enum Admitted {
        case outcome(CallOutcome)
        /// It is to be waited for.
        case stream(MessageStream)
    }

    // SAFETY: made and opened on the loop of the session.
    private struct AdmittedBox: @unchecked Sendable {
        let admitted: Admitted
    }

    /// Called on the session's loop.
    nonisolated private func admitHere(
        _ message: JSONRPCMessage, for principal: Principal, record: CallRecord?
    ) -> Admitted {
        assumeIsolated { AdmittedBox(admitted: $0.admit(message, for: principal, record: record)) }.admitted
    }

    private func admit(_ message: JSONRPCMessage, for principal: Principal, record: CallRecord?) -> Admitted {
        guard end == nil, connection != nil else { return .outcome(.gone) }
        use(by: principal)
        switch message.kind {
        case .notification:
            forward(message)
            return .outcome(.accepted)
        case .response:
            return .outcome(answer(message) ? .accepted : .unsolicited)
        case .request:
            guard quota.beginCalls(1) else { return .outcome(.limitReached) }
            let isInitialize = message.isMethod("initialize")
            let stream = makeStream(mayStream: !isInitialize, for: principal)
            begin(message, on: stream, isInitialize: isInitialize, record: record)
            return .stream(stream)
        }
    }

    /// Takes a batch (2025-03-26). The answers are events of one stream, each as soon as it is there.
    func accept(_ batch: [BatchMember], for principal: Principal) async -> CallOutcome {
        guard end == nil, connection != nil else { return .gone }
        use(by: principal)
        let requests = batch.filter { $0.message.kind == .request }
        if let missing = missingScopes(for: requests.map(\.message), principal) {
            metrics.refused()
            // None of them runs.
            for (_, record) in batch { if let record { surroundings.observer.denied(record, auditSubject) } }
            return .forbidden(missing, JSONRPCError.insufficientScope(missing).response(to: nil))
        }
        guard quota.beginCalls(requests.count) else { return .limitReached }
        let stream = makeStream(mayStream: true, for: principal)
        var isSolicited = true
        // Counted before the first answer can end the stream.
        stream.openCalls = requests.isEmpty ? 0 : 1
        if !requests.isEmpty { commit(stream) }
        for (message, record) in batch {
            switch message.kind {
            case .request: begin(message, on: stream, isInitialize: false, record: record)
            case .notification: forward(message)
            case .response: isSolicited = answer(message) && isSolicited
            }
        }
        if requests.isEmpty { return isSolicited ? .accepted : .unsolicited }
        stream.openCalls -= 1
        finishIfAnswered(stream)
        return await outcome(of: stream)
    }

    /// Sends a request to the server; its answer will be `stream`'s.
    func begin(
        _ message: JSONRPCMessage, on stream: MessageStream, isInitialize: Bool, record: CallRecord?,
        exchange: ModernExchange? = nil
    ) {
        guard let id = message.exactID, let connection else { return }
        let now = loop.now
        let method = MCPMethod(message.method)
        let admitted = method == .toolsCall ? server.tools.admitted(message) : message
        let timeout = isInitialize ? server.startTimeout : server.callTimeout
        let call = Call(
            method: method, stream: stream, began: EventLoop.preciseNow, deadline: now + timeout, record: record)
        let token = message.progressToken.flatMap { JSONRPCID($0) }?.text
        let number = calls.begin(id, progressToken: token, caller: call)
        stream.openCalls += 1
        if let exchange {
            exchanges[number] = exchange
            stream.call = number
        }
        if access != nil, let refusal = refusal(of: message, method, for: stream.principal) {
            return refuse(number, refusal, stream)
        }
        guard var admitted else {
            return resolve(number, .unknownTool, .unknownTool)
        }
        if let refusal = ownTasks?.refusal(message, method) {
            return resolve(number, .unknownTask, refusal)
        }
        if let trace = record?.trace {
            admitted = TraceMessage.carrying(trace.traceparent, state: trace.state, admitted)
        }
        let stated = method == .toolsCall && server.remote == nil ? identity : nil
        let line =
            isRelay
            ? relayed(admitted, number, exchange, identity: stated)
            : ServerBoundMessage.request(
                admitted, number: number, identity: stated,
                offeredVersion: isInitialize ? server.offeredVersion : nil, isModern: exchange != nil,
                keepsEnvelope: exchange != nil && connection.modernLeg != nil, asTask: exchange?.runsAsTask == true,
                state: exchange?.relayedState)
        if let record { connection.announce(number, for: record.requestID) }
        do throws(IOError) {
            // All lines of this turn of the loop go out together.
            let isFirst = try connection.enqueue(line)
            stream.askedAt = EventLoop.preciseNow
            if isFirst { loop.atEndOfTurn { self.assumeIsolated { $0.flushLines() } } }
        } catch {
            failed(error, number)
        }
        arm(by: min(call.deadline, stream.mayStream ? stream.commitDeadline : call.deadline))
    }

    /// Sends the lines of this turn.
    private func flushLines() {
        guard let connection else { return }
        do throws(IOError) {
            try connection.flush()
        } catch {
            if error != .overloaded { inputClosed() }
        }
    }

    private func failed(_ error: IOError, _ number: Int) {
        guard error == .overloaded else { return inputClosed() }
        // The server does not read; the other calls still have their deadlines.
        resolve(number, .overloaded) { JSONRPCError(.limitReached, "The server does not keep up").response(to: $0.id) }
    }

    /// Hands a notification on; `cancelled` also ends the waiting for the call that it names.
    func forward(_ message: JSONRPCMessage) {
        // A server that looks at the method alone would run a call without an id, past the filter and the trail (R05).
        guard message.method?.stringBytes?.starts(with: "notifications/".utf8) == true else { return }
        guard message.isMethod("notifications/cancelled") else {
            return sendLine(ServerBoundMessage.notification(message))
        }
        guard let id = message.params?["requestId"].flatMap({ JSONRPCID($0) }), let entry = calls.newest(id),
            entry.caller.method != .initialize
        else { return }
        sendLine(ServerBoundMessage.cancellation(message, number: entry.number))
        // The answer that may still come finds nobody (M05).
        resolve(entry.number, .cancelled) { JSONRPCError(.cancelled, "The call was cancelled").response(to: $0.id) }
    }

    /// Gives a client's answer to the server; false when the server asked nothing under this id.
    func answer(_ message: JSONRPCMessage) -> Bool {
        guard let id = message.id?.integer, let number = Int(exactly: id), let question = questions.answer(number)
        else { return false }
        sendLine(ServerBoundMessage.response(message, id: question.id))
        return true
    }

    func sendLine(_ line: [UInt8]) {
        guard let connection else { return }
        do throws(IOError) {
            try connection.send(line)
        } catch {
            if error != .overloaded { inputClosed() }
        }
    }

    /// Ends the waiting for call `number` with an error of ours.
    func resolve(_ number: Int, _ end: CallEnd, _ error: JSONRPCError) {
        guard let entry = calls.finish(number) else { return }
        settle(entry, end, error.response(to: entry.id), error: error.code)
    }

    /// Ends the waiting for call `number` with the message that `text` makes.
    func resolve(_ number: Int, _ end: CallEnd, _ text: (Correlation<Call>.Entry) -> [UInt8]) {
        guard let entry = calls.finish(number) else { return }
        settle(entry, end, text(entry))
    }

    /// Gives `message`, with `error` where it is one that has a status of its own, to whoever waits for `entry`.
    func settle(
        _ entry: Correlation<Call>.Entry, _ end: CallEnd, _ message: [UInt8], error: JSONRPCError.Code? = nil
    ) {
        let stream = entry.caller.stream
        count(entry, end)
        if isBridged, let exchange = exchanges[entry.number] {
            return settle(exchange, entry.number, .init(message, error: error))
        }
        stream.openCalls -= 1
        if stream.isCommitted {
            append(message, to: stream)
            finishIfAnswered(stream)
        } else {
            stream.isFinished = true
            stream.decide(.message(message))
        }
    }

    /// Counts the end of a call, once.
    func count(_ entry: Correlation<Call>.Entry, _ end: CallEnd) {
        quota.callEnded()
        let destination = connection?.destination(of: entry.number)
        let now = EventLoop.preciseNow
        let timing = CallTiming(
            began: entry.caller.began, asked: entry.caller.stream.askedAt, answered: answeredAt, now: now)
        (destination?.metrics ?? metrics).called(entry.caller.method, end, timing)
        if let record = entry.caller.record {
            lastAnswered = (entry.number, record.requestID, now)
            surroundings.observer.called(record, end, timing, self, destination)
        }
    }

    /// Waits for what becomes of a POST. When the client leaves meanwhile a call of the legacy era goes on (c55), one of the
    /// modern era is cancelled (c21).
    func outcome(of stream: MessageStream) async -> CallOutcome {
        let number = stream.number
        return await Waiter.wait {
            stream.takeOutcome()
        } in: {
            $0(&stream.outcomeWaiter)
        } onCancel: { [loop] in
            loop.execute { self.assumeIsolated { $0.abandon(number) } }
        }
    }

    /// The client of a POST has gone before anything was sent to it.
    private func abandon(_ number: Int) {
        let waiting =
            calls.open.first { $0.caller.stream.number == number }?.caller.stream ?? streams[number]
            ?? exchanges.values.first { $0.stream.number == number }?.stream
        // The waiting itself may only be about to begin. A reader that came since is another one's.
        guard let stream = waiting, stream.reader == .none else { return }
        stream.reader = .detached
        stream.outcome = nil
        resumeOutput()
        stream.outcomeWaiter.resume(returning: .detached)
        disconnected(stream)
    }
}
