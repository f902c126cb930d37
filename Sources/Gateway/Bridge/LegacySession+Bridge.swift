import AsyncIO
import Crypto
import HTTP
import JSON
import MCP
import OAuth
import Telemetry

// What modern clients send to a legacy server.
extension LegacySession {
    /// A request of the modern era, as far as a session needs it.
    struct ModernRequest: Sendable {
        let message: JSONRPCMessage
        let id: JSONRPCID
        let method: MCPMethod
        let envelope: ModernEnvelope
        let fields: HTTPFields
        let principal: Principal
        /// JSON text of the state that a modern server gave out; nil where the client brings none.
        var relayedState: [UInt8]?
        /// The task that it is about, where the principal has that.
        var task: TaskHandle?
    }

    /// Takes a request; suspends until something can be said about it. `lease` is given back when nothing more can come.
    func submit(_ request: ModernRequest, lease: BridgeLease, record: CallRecord?) async -> CallOutcome {
        guard end == nil, connection != nil, let introduction else {
            lease.giveBack()
            return .gone
        }
        use(by: request.principal)
        let isAwaited = request.method.mayAskClient && !request.envelope.capabilities.isEmpty
        early.comes(canBeAsked: isAwaited)
        let beginning = await begin(request, introduction, lease, record)
        came(canBeAsked: isAwaited)
        switch beginning {
        case .call(let stream): return await outcome(of: stream)
        case .refused(let outcome):
            lease.giveBack()
            return outcome
        }
    }

    private enum Beginning {
        case call(MessageStream)
        case refused(CallOutcome)
    }

    /// Sends a request to the server where it may go there.
    private func begin(
        _ request: ModernRequest, _ introduction: ServerIntroduction, _ lease: BridgeLease, _ record: CallRecord?
    ) async -> Beginning {
        do throws(JSONRPCError) {
            guard introduction.offers(request.method) || relays(request.method) else { throw .unknownMethod }
            try checkTask(request)
            try await checkParameters(request)
        } catch {
            return .refused(.answer(.init(error, to: request.id)))
        }
        guard quota.beginCalls(1) else { return .refused(.limitReached) }
        let stream = makeModernStream(for: request.principal)
        let canBeAsked =
            request.method.mayAskClient && (isRelay || modernLeg != nil || !request.envelope.capabilities.isEmpty)
        let exchange = ModernExchange(
            request.method, request.envelope,
            digest: canBeAsked ? RequestDigest.make(request.message) : [], lease: lease,
            stream: stream, deadline: loop.now + server.callTimeout)
        exchange.relayedState = request.relayedState
        exchange.runsAsTask = !isRelay && request.method == .toolsCall && legacyTasks.mustBeTask(request.message)
        var message = request.message
        if let task = request.task {
            exchange.taskName = request.message.params?["taskId"].map { Array($0.bytes) }
            message = TaskMessage.addressed(message, to: task.task)
        }
        if let level = exchange.logLevel, !isRelay { setLogLevel(level) }
        // Others may have come while this one waited.
        use(by: request.principal)
        begin(message, on: stream, isInitialize: false, record: record, exchange: exchange)
        return .call(stream)
    }

    /// Takes a retry: its answers go to the server, and it waits in the place of the request before (c27).
    func resume(_ request: ModernRequest, _ state: RequestState) async -> CallOutcome {
        func refuse(_ error: JSONRPCError) -> CallOutcome { .answer(.init(error, to: request.id)) }
        guard end == nil, exchanges[state.call] != nil else { return refuse(.lostCall) }
        do throws(JSONRPCError) {
            try await checkParameters(request)
        } catch {
            return refuse(error)
        }
        guard end == nil, let exchange = exchanges[state.call] else { return refuse(.lostCall) }
        if let refusal = refusal(of: request.message, request.method, for: request.principal) {
            return refused(refusal, request.id)
        }
        guard exchange.isParked, exchange.round == state.round else { return refuse(.usedState) }
        let responses = request.message.params?["inputResponses"]
        guard responses?.isObject ?? true, responses?.members.allSatisfy({ $0.value.isObject }) ?? true else {
            return refuse(JSONRPCError(.invalidParams, "\"inputResponses\" must be an object of objects"))
        }
        use(by: request.principal)
        exchange.parkedUntil = nil
        take(responses, for: exchange)
        if let answer = exchange.answer {
            refuseQuestions(of: exchange)
            close(exchange, state.call)
            return .answer(answer.renamed(request.id))
        }
        let stream = makeModernStream(for: request.principal)
        stream.call = state.call
        stream.openCalls = 1
        exchange.stream = stream
        exchange.deadline = loop.now + server.callTimeout
        let token = request.message.progressToken.flatMap { JSONRPCID($0) }?.text
        calls.rename(state.call, to: request.id, progressToken: token)
        if let progress = exchange.progress, let token {
            append(ClientBoundMessage.progress(progress, token: token), to: stream)
        }
        exchange.progress = nil
        if !exchange.questions.isEmpty { ask(exchange, state.call) }
        arm(by: min(exchange.deadline, stream.commitDeadline))
        return await outcome(of: stream)
    }

    /// Gives the client's answers to the server; the questions without one stay.
    private func take(_ responses: JSONNode?, for exchange: ModernExchange) {
        exchange.questions.removeAll { asked in
            guard let response = responses?[asked.key] else { return false }
            if let question = questions.answer(asked.number) {
                sendLine(JSONRPCText.response(to: question.id, result: JSONText.compacted(response)) + [0x0A])
            }
            return true
        }
    }

    /// `server/discover` (c24).
    func discover(_ request: ModernRequest, lease: BridgeLease) async -> CallOutcome {
        if isRelay { return await submit(request, lease: lease, record: nil) }
        guard end == nil, let introduction else { return .gone }
        use(by: request.principal)
        came(canBeAsked: false)
        return .answer(
            .init(ModernMessage.discovery(id: request.id, introduction, hasTasks: modernLeg?.hasTasks == true)))
    }

    func makeModernStream(for principal: Principal) -> MessageStream {
        lastStream += 1
        return MessageStream(
            number: lastStream, log: EventLog(), mayStream: true, commitDeadline: loop.now + limits.commitDelay,
            principal: principal)
    }

    // MARK: Endings

    /// The client of a POST has gone: its call is cancelled (c21). One that was asked something left on purpose.
    func disconnected(_ stream: MessageStream) {
        guard let number = stream.call, let exchange = exchanges[number], exchange.stream === stream,
            !exchange.isParked
        else { return }
        giveUp(exchange, number, "the client has gone")
    }

    /// What is due of the calls of modern clients.
    func tickBridge(_ now: LoopInstant) {
        if let deadline = early.deadline, deadline <= now { refuseEarlyQuestions() }
        for (number, exchange) in exchanges {
            if let at = exchange.asksAt, at <= now, !exchange.isParked { ask(exchange, number) }
            if let by = exchange.acknowledgedBy, by <= now {
                exchange.acknowledgedBy = nil
                if let listener = exchange.listener { acknowledge(listener, tasks: nil) }
            }
            if let until = exchange.parkedUntil, until <= now { giveUp(exchange, number, "nobody answered") }
        }
    }

    private func giveUp(_ exchange: ModernExchange, _ number: Int, _ reason: StaticString) {
        exchange.parkedUntil = nil
        refuseQuestions(of: exchange)
        guard exchange.answer == nil else { return close(exchange, number) }
        cancelAtServer(number, reason)
        // Nobody reads it; it ends the waiting and is counted.
        resolve(number, .cancelled) { JSONRPCError(.cancelled, "The call was cancelled").response(to: $0.id) }
    }

    /// The session has ended: whoever comes back finds nothing.
    func closeExchanges() {
        for exchange in exchanges.values { exchange.lease.giveBack() }
        exchanges = [:]
    }

    /// When the next of them is due.
    var nextBridgeDue: LoopInstant? {
        let due = exchanges.values.lazy.flatMap { exchange in
            [exchange.asksAt, exchange.parkedUntil, exchange.acknowledgedBy, exchange.deadline].compactMap { $0 }
        }.min()
        return [due, early.deadline].compactMap { $0 }.min()
    }
}

extension JSONRPCError {
    /// c17.
    static let unknownMethod = JSONRPCError(.methodNotFound, "Method not found")
    /// B4: the process that had it is gone.
    static let lostCall = JSONRPCError(.internalError, "The call that this answers is not there any more; call again")
    static let cannotAsk = JSONRPCError(.internalError, "The gateway cannot ask the client")
    /// c16.
    static let needsURLElicitation = JSONRPCError(
        .missingClientCapability, "This needs a client that can open a page for its user",
        data: ["requiredCapabilities": ["elicitation": ["url": [:]]]])
    /// B4: what a server hears that asks for more than the client declared.
    static func undeclared(_ method: MCPMethod) -> JSONRPCError {
        JSONRPCError(
            method == .elicitationCreate ? .invalidParams : .methodNotFound,
            "The client did not declare this capability")
    }

    /// B4: what the client hears where the server cannot do without it. `words` are the server's.
    static func lacking(_ capabilities: ClientCapabilities, _ words: String) -> JSONRPCError {
        JSONRPCError(
            .missingClientCapability, "This needs a capability that the client did not declare: \(words)",
            data: ["requiredCapabilities": capabilities.handshake])
    }

    static let usedState = JSONRPCError(.invalidParams, "\"requestState\" was used already")
    static let badState = JSONRPCError(.invalidParams, "\"requestState\" is not valid for this request")
}

extension ModernMessage.Answer {
    /// The same for a request with another id.
    func renamed(_ id: JSONRPCID) -> ModernMessage.Answer {
        guard let root = (try? JSONDocument(parsing: text))?.root, let message = try? JSONRPCMessage(root) else {
            return ModernMessage.Answer(.lostCall, to: id)
        }
        return ModernMessage.Answer(ClientBoundMessage.response(message, id: id), error: error)
    }
}
