import JSON
import MCP
import Telemetry

// Modern clients and a modern server: what the legacy era has no words for is not lost. Numbers, progress tokens, states and
// listens are made anew, because they belong to one hop; a call is cancelled when its client leaves, as everywhere.
extension LegacySession {
    /// Longest state of a server that is carried for it.
    private static let maximumState = 64 << 10

    /// How requests of the session go on as they are although it is no relay: to some of several servers, or to one that several
    /// sessions use.
    var modernLeg: ModernLeg? { isBridged && !isRelay ? connection?.modernLeg : nil }

    /// What a relay hands on although MCP does not define it: methods of extensions, which the server itself may refuse.
    func relays(_ method: MCPMethod) -> Bool {
        switch method {
        case .other, .serverDiscover, .subscriptionsListen: isRelay
        case .tasksGet, .tasksUpdate, .tasksCancel:
            isRelay ? introduction?.hasTasks == true : modernLeg?.hasTasks == true
        default: false
        }
    }

    /// A request as the server gets it: with the client's own envelope, or with one of nobody's where we ask ourselves.
    func relayed(
        _ message: JSONRPCMessage, _ number: Int, _ exchange: ModernExchange?, identity: [UInt8]?
    ) -> [UInt8] {
        guard let exchange else {
            return ModernBoundMessage.request(message, number: number, client: .nobody, logLevel: nil)
        }
        return ServerBoundMessage.request(message, number: number, identity: identity, state: exchange.relayedState)
    }

    /// The server's response as the client gets it. Its state is sealed to whom it was given: the server knows us alone.
    func relayed(_ message: JSONRPCMessage, of exchange: ModernExchange, _ id: JSONRPCID) -> ModernMessage.Answer {
        let result = message.node["result"]
        let broken = exchange.method == .toolsList ? learnTools(from: result) : []
        var state: [UInt8]?
        var task = exchange.taskName
        if let result, result["resultType"]?.equals("task") == true {
            task = sealedTask(in: result, of: exchange)
            guard task != nil else {
                return .init(.init(.internalError, "The server gave a task that cannot be followed"), to: id)
            }
        }
        if result?["resultType"]?.equals("input_required") == true {
            guard exchange.method.mayAskClient, let required = result.flatMap({ InputRequired($0) }) else {
                return .init(
                    .init(.internalError, "The server asked for input in a way that cannot be answered"), to: id)
            }
            let needed = required.entries.reduce(into: ClientCapabilities()) { $0.formUnion($1.needed) }
            guard exchange.capabilities.isSuperset(of: needed) else { return .init(.asksForMore(needed), to: id) }
            if let own = required.state {
                guard let sealed = seal(own, exchange) else { return .init(.cannotAsk, to: id) }
                state = JSONText.quoted(sealed)
            }
        }
        return RelayedMessage.response(
            message, id: id, method: exchange.method, state: state, task: task, brokenTools: broken,
            isPrivate: surroundings.policy != nil || exchange.method == .toolsList && !server.tools.isTransparent)
    }

    private func seal(_ own: [UInt8], _ exchange: ModernExchange) -> String? {
        guard own.count <= Self.maximumState else { return nil }
        let state = RequestState(
            session: id, call: 0, round: 0, digest: exchange.digest, expires: surroundings.states.expiry, relayed: own)
        // Without randomness nothing that a client brings back could be trusted.
        return try? surroundings.states.seal(state, for: principal, at: server.name)
    }

    // MARK: Listens

    /// `subscriptions/listen` (c26): a call that lasts until one side ends it.
    func relayListen(_ request: ModernRequest) async -> CallOutcome {
        let tasks: [[UInt8]: [UInt8]]?
        do throws(JSONRPCError) {
            tasks = try listenedTasks(request)
        } catch {
            return .answer(.init(error, to: request.id))
        }
        guard quota.openStream() else { return .limitReached }
        guard quota.beginCalls(1) else {
            quota.closeStream()
            return .limitReached
        }
        let stream = makeModernStream(for: request.principal)
        stream.listen = Listen(id: request.id, filter: ListenFilter())
        stream.countsAsStream = true
        let exchange = ModernExchange(
            .subscriptionsListen, request.envelope, digest: [], lease: BridgeLease(self) {}, stream: stream,
            deadline: expires)
        var message = request.message
        if let tasks {
            exchange.listenedTasks = tasks
            message = TaskMessage.listening(message, to: tasks.keys.map { String(decoding: $0, as: UTF8.self) })
        }
        begin(message, on: stream, isInitialize: false, record: nil, exchange: exchange)
        return await outcome(of: stream)
    }

    /// A notification that belongs to a listen goes to whoever listens; others belong to nobody.
    func relayed(_ notification: JSONRPCMessage) {
        guard let number = LegacyBoundMessage.listen(of: notification), let exchange = exchanges[number],
            let listen = exchange.stream.listen,
            let message = TaskMessage.renamed(notification, exchange.listenedTasks)
        else { return metrics.discardedLines.increment() }
        append(RelayedMessage.notification(message, listen: listen.id), to: exchange.stream)
    }

    /// The server ends a listen without a result.
    func endRelayed(_ notification: JSONRPCMessage) {
        guard let number = notification.params?["requestId"]?.integer.flatMap({ Int(exactly: $0) }),
            let exchange = exchanges[number], exchange.method == .subscriptionsListen
        else { return }
        resolve(number, .answered) { ModernMessage.listenEnded($0.id) }
    }

    /// We end a listen: the server need not go on, and nobody waits for it.
    func forgetRelayed(_ stream: MessageStream) {
        guard isRelay, let number = stream.call, exchanges[number] != nil, let entry = calls.finish(number) else {
            return
        }
        exchanges[number] = nil
        count(entry, .cancelled)
        sendLine(JSONRPCText.cancelled(JSONRPCID(number: number), reason: "the gateway ends it") + [0x0A])
    }
}

extension JSONRPCError {
    /// The server asks for what the client did not declare, which therefore never sees it (c16, c27).
    fileprivate static func asksForMore(_ needed: ClientCapabilities) -> JSONRPCError {
        JSONRPCError(
            .missingClientCapability, "The server asks for what the client did not declare",
            data: ["requiredCapabilities": needed.handshake])
    }
}
