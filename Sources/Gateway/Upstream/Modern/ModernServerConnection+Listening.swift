import AsyncIO
import JSON
import MCP

// Subscriptions and announcements: one listen for all that the session watches.
extension ModernServerConnection {
    private static let acknowledgementLimit = Duration.seconds(10)
    /// A listen that lasted so long was none of several in a row that failed.
    private static let steady = Duration.seconds(60)

    /// The session has begun: lists may change from now on.
    func beginListening(_ client: LegacyClient, _ introduction: ServerIntroduction) {
        var everything = ListenFilter()
        everything.toolsListChanged = true
        everything.promptsListChanged = true
        everything.resourcesListChanged = true
        var wanted = introduction.honours(everything)
        wanted.resources = listening.wanted.resources
        guard wanted != listening.wanted else { return }
        listening.wanted = wanted
        refresh(client)
    }

    func subscribe(
        _ message: JSONRPCMessage, _ id: JSONRPCID, _ client: LegacyClient, _ introduction: ServerIntroduction
    ) {
        func refuse(_ code: JSONRPCError.Code, _ text: String) {
            emit(JSONRPCError(code, text).response(to: id))
        }
        guard let uri = message.params?["uri"]?.string else {
            return refuse(.invalidParams, "\"uri\" must be a string")
        }
        var one = ListenFilter()
        one.resources = [uri]
        guard introduction.honours(one) == one else { return refuse(.methodNotFound, "Method not found") }
        let isWatched = listening.active?.filter.watches(uri) == true && listening.opening == nil
        if isWatched, listening.wanted.watches(uri) {
            return emit(JSONRPCText.response(to: id, result: Array("{}".utf8)))
        }
        guard listening.wanted.resources.count < ListenFilter.maximumResources,
            listening.subscribers.count < ListenFilter.maximumResources
        else { return refuse(.limitReached, "Too many resources are watched") }
        listening.subscribers.append(.init(id: id, uri: uri))
        if !listening.wanted.watches(uri) { listening.wanted.resources.append(uri) }
        refresh(client)
    }

    func unsubscribe(_ message: JSONRPCMessage, _ id: JSONRPCID, _ client: LegacyClient) {
        guard let uri = message.params?["uri"]?.string else {
            return emit(JSONRPCError(.invalidParams, "\"uri\" must be a string").response(to: id))
        }
        emit(JSONRPCText.response(to: id, result: Array("{}".utf8)))
        guard listening.wanted.watches(uri) else { return }
        listening.wanted.resources.removeAll { $0.utf8.elementsEqual(uri.utf8) }
        refresh(client)
    }

    /// Listens for what is wanted now; what was listened for goes on until the server has agreed.
    private func refresh(_ client: LegacyClient, isResumption: Bool = false) {
        guard listening.opening == nil else {
            listening.isOutdated = true
            return
        }
        listening.isOutdated = false
        listening.resumesAt = nil
        guard !listening.isEmpty else { return endActive() }
        lastNumber += 1
        let listen = ModernListening.Listen(
            number: lastNumber, filter: listening.wanted,
            deadline: EventLoop.preciseNow + Self.acknowledgementLimit, isResumption: isResumption)
        listening.opening = listen
        do throws(IOError) {
            try inner.send(ModernBoundMessage.listen(listen.filter, number: listen.number, client: client))
        } catch {
            return refused(listen, client)
        }
        arm()
    }

    private func endActive() {
        guard let active = listening.active else { return }
        listening.active = nil
        give(up: active)
    }

    private func give(up listen: ModernListening.Listen) {
        listening.retire(listen)
        // Where it does not take the line it does not listen either.
        try? inner.send(JSONRPCText.cancelled(JSONRPCID(number: listen.number), reason: "listens otherwise") + [0x0A])
    }

    /// The server says what it keeps of the listen that was opened last.
    func acknowledged(_ message: JSONRPCMessage, _ client: LegacyClient) {
        guard let number = LegacyBoundMessage.listen(of: message), var listen = listening.opening,
            listen.number == number
        else { return }
        let kept = (try? ListenFilter(message.params)) ?? ListenFilter()
        let asked = listen.filter
        listen.filter.toolsListChanged = asked.toolsListChanged && kept.toolsListChanged
        listen.filter.promptsListChanged = asked.promptsListChanged && kept.promptsListChanged
        listen.filter.resourcesListChanged = asked.resourcesListChanged && kept.resourcesListChanged
        listen.filter.resources = asked.resources.filter { kept.watches($0) }
        endActive()
        listening.opening = nil
        listen.since = EventLoop.preciseNow
        listening.active = listen
        settleSubscribers(of: asked, kept: listen.filter)
        if listen.isResumption { announceAll(of: listen.filter) }
        if listening.isOutdated { refresh(client) }
        arm()
    }

    /// Answers those whose resource was asked for.
    private func settleSubscribers(of asked: ListenFilter, kept: ListenFilter) {
        let settled = listening.subscribers.filter { asked.watches($0.uri) || !listening.wanted.watches($0.uri) }
        listening.subscribers.removeAll { one in settled.contains { $0.id == one.id } }
        for subscriber in settled {
            if kept.watches(subscriber.uri) {
                emit(JSONRPCText.response(to: subscriber.id, result: Array("{}".utf8)))
            } else {
                listening.wanted.resources.removeAll { $0.utf8.elementsEqual(subscriber.uri.utf8) }
                let error = JSONRPCError(.invalidParams, "The server does not watch this resource")
                emit(error.response(to: subscriber.id))
            }
        }
    }

    /// The listen that was opened last will not be: the one before goes on. Where there is none it is tried again, unless the
    /// server said in `answer` that it never will be.
    private func refused(_ listen: ModernListening.Listen, _ client: LegacyClient, _ answer: JSONRPCMessage? = nil) {
        listening.opening = nil
        settleSubscribers(of: listen.filter, kept: listening.active?.filter ?? ListenFilter())
        if listening.isOutdated { return refresh(client) }
        let code = answer?.node["error"]?["code"]?.integer.map { JSONRPCError.Code($0) }
        let isFinal = code == .methodNotFound || code == .invalidParams || code == .missingClientCapability
        guard !isFinal, listening.active == nil, !listening.isEmpty else { return }
        listening.resumeLater(EventLoop.preciseNow)
        arm()
    }

    /// Answers to listens: an end that the server wished, or a refusal. False where there is no such listen.
    func listenAnswered(_ number: Int, _ message: JSONRPCMessage, _ client: LegacyClient) -> Bool {
        if let opening = listening.opening, opening.number == number {
            refused(opening, client, message)
            return true
        }
        return ended(number)
    }

    /// The server ends a listen (c26: it says so in one way or the other, or in both).
    func listenCancelled(_ message: JSONRPCMessage, _ client: LegacyClient) {
        guard let number = message.params?["requestId"]?.integer.flatMap({ Int(exactly: $0) }) else { return }
        if let opening = listening.opening, opening.number == number { return refused(opening, client) }
        _ = ended(number)
    }

    private func ended(_ number: Int) -> Bool {
        guard let active = listening.active, active.number == number else { return listening.retired.contains(number) }
        listening.active = nil
        listening.retire(active)
        let now = EventLoop.preciseNow
        if let since = active.since, since + Self.steady <= now { listening.endings = 0 }
        listening.resumeLater(now)
        arm()
        return true
    }

    func tickListening(_ now: LoopInstant, _ client: LegacyClient) {
        if let opening = listening.opening, opening.deadline <= now {
            give(up: opening)
            refused(opening, client)
        }
        if let at = listening.resumesAt, at <= now { refresh(client, isResumption: true) }
    }

    /// A notification of a listen. Only the one that is in force, and only what it asked for.
    func overheard(_ message: JSONRPCMessage, _ number: Int) {
        guard let active = listening.active, active.number == number, active.filter.covers(message) else { return }
        listening.endings = 0
        emit(LegacyBoundMessage.untagged(message))
    }

    /// Nobody knows what happened while nothing was listened to: everything may have.
    private func announceAll(of filter: ListenFilter) {
        func announce(_ what: StaticString) {
            emit(Array("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/\(what)/list_changed\"}".utf8))
        }
        if filter.toolsListChanged { announce("tools") }
        if filter.promptsListChanged { announce("prompts") }
        if filter.resourcesListChanged { announce("resources") }
        for uri in filter.resources {
            let text = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":"
            emit(Array(text.utf8) + JSONText.quoted(uri) + Array("}}".utf8))
        }
    }
}
