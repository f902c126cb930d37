import AsyncIO
import HTTP
import JSON
import MCP
import OAuth

// Questions of the gateway itself to the server, and what modern clients listen to.
extension LegacySession {
    /// What a listen asked for, under the id by which its client knows it.
    struct Listen {
        let id: JSONRPCID
        let filter: ListenFilter
        /// Whether the client was told what is honoured: nothing comes before that.
        var isAcknowledged = true
    }

    /// `subscriptions/listen` (c26): first what is honoured, then what happens.
    func listen(_ request: ModernRequest, _ filter: ListenFilter) async -> CallOutcome {
        guard end == nil, let introduction else { return .gone }
        use(by: request.principal)
        if let refusal = refusal(watching: filter.resources, for: request.principal) {
            return refused(refusal, request.id)
        }
        if isRelay { return await relayListen(request) }
        var tasks: [[UInt8]: [UInt8]] = [:]
        do throws(JSONRPCError) {
            if modernLeg?.hasTasks == true { tasks = try listenedTasks(request) ?? [:] }
        } catch {
            return .answer(.init(error, to: request.id))
        }
        guard quota.openStream() else { return .limitReached }
        came(canBeAsked: false)
        var honoured = introduction.honours(filter)
        if honoured != ListenFilter(), await connection?.canAnnounce() == false { honoured = ListenFilter() }
        for uri in honoured.resources {
            guard await watch(uri) else {
                honoured.resources.removeAll { $0 == uri }
                continue
            }
        }
        guard end == nil, !Task.isCancelled else {
            quota.closeStream()
            for uri in honoured.resources { unwatch(uri) }
            return .gone
        }
        let stream = makeModernStream(for: request.principal)
        stream.listen = Listen(id: request.id, filter: honoured, isAcknowledged: tasks.isEmpty)
        stream.countsAsStream = true
        guard tasks.isEmpty else {
            listen(request, for: tasks, stream)
            return await outcome(of: stream)
        }
        append(ModernMessage.acknowledged(honoured, listen: request.id), to: stream)
        return await outcome(of: stream)
    }

    /// Says to a listening client that this is the end, and that it is meant.
    func endListen(_ stream: MessageStream) {
        guard let listen = stream.listen, !stream.isFinished else { return }
        forgetRelayed(stream)
        forgetTasks(of: stream)
        append(ModernMessage.listenEnded(listen.id), to: stream)
        stream.isFinished = true
        if !stream.log.hasUndelivered { stream.deliver(.end) }
    }

    /// Nobody reads `stream` any more.
    func forgetListen(_ stream: MessageStream) {
        guard let listen = stream.listen else { return }
        stream.listen = nil
        forgetTasks(of: stream)
        for uri in listen.filter.resources { unwatch(uri) }
    }

    /// Subscribes to a resource, once for all who watch it; false when the server refuses.
    private func watch(_ uri: String) async -> Bool {
        if let count = watched[uri] {
            watched[uri] = count + 1
            return true
        }
        watched[uri] = 1
        guard await ask(Self.request("resources/subscribe", uri: uri))?.node["result"] != nil else {
            watched[uri] = nil
            return false
        }
        return true
    }

    private func unwatch(_ uri: String) {
        guard let count = watched[uri] else { return }
        watched[uri] = count > 1 ? count - 1 : nil
        if count == 1 { tell(Self.request("resources/unsubscribe", uri: uri)) }
    }

    private static func request(_ method: StaticString, uri: String) -> [UInt8] {
        Array("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"\(method)\",\"params\":{\"uri\":".utf8)
            + JSONText.quoted(uri) + Array("}}".utf8)
    }

    // MARK: Parameters in headers

    private static let maximumPages = 100
    /// Tools of several servers that are not asked about at every call.
    private static let maximumTools = 10_000

    /// `Mcp-Param-*` against the arguments (c13), by what the server says of its tools; it is asked once, unless its
    /// client did already.
    func checkParameters(_ request: ModernRequest) async throws(JSONRPCError) {
        guard request.method == .toolsCall, let tool = request.message.params?["name"]?.string else { return }
        if !knowsTools, !knownTools.contains(tool) { try await learnTools(for: tool) }
        try MirroredHeaders.check(
            request.fields, tool: tool, arguments: request.message.params?["arguments"], tools)
    }

    // Calls at the same time each ask for themselves: none goes on before what it must mirror is known. Of several servers the
    // one that has the tool is asked, because another may hang.
    private func learnTools(for tool: String) async throws(JSONRPCError) {
        let isAlone = connection?.definesSingleTools == true
        var cursor: [UInt8]?
        for _ in 0..<Self.maximumPages {
            var text = Array("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"tools/list\",\"params\":{".utf8)
            if isAlone {
                text += Array("\"\(AggregateMessages.toolKey)\":".utf8) + JSONText.quoted(tool)
            }
            if let cursor { text += Array("\"cursor\":".utf8) + cursor }
            let answer = await ask(text + Array("}}".utf8))
            // A server without lists says nothing of headers either.
            let hasNone = answer?.node["error"]?["code"]?.integer == JSONRPCError.Code.methodNotFound.value
            guard hasNone || answer?.node["result"] != nil else { throw .unknownParameters }
            let page = answer?.node["result"]?["tools"]
            if let page { learn(page) }
            if isAlone {
                if let page, page.count > 0, knownTools.count < Self.maximumTools { knownTools.insert(tool) }
                return
            }
            guard let next = answer?.node["result"]?["nextCursor"], next.kind == .string else { break }
            cursor = Array(next.bytes)
        }
        knowsTools = true
    }

    /// They may be others now.
    func forgetTools() {
        knowsTools = false
        knownTools = []
    }

    /// Learns from a list that a client asked for; the positions of tools whose annotations break a rule.
    func learnTools(from result: JSONNode?) -> [Int] {
        result?["tools"].map { learn($0) } ?? []
    }

    @discardableResult
    private func learn(_ page: JSONNode) -> [Int] {
        if introduction?.runsCallsAsTasks == true { legacyTasks.learn(page) }
        return tools.learn(page)
    }

    // MARK: Requests of our own

    /// Asks the server in the name of nobody in particular; nil when there is no answer.
    private func ask(_ text: [UInt8]) async -> JSONRPCMessage? {
        guard let stream = tell(text), case .message(let bytes) = await outcome(of: stream),
            let document = try? JSONDocument(parsing: bytes)
        else { return nil }
        return try? JSONRPCMessage(document.root)
    }

    /// The same where the answer does not matter.
    @discardableResult
    func tell(_ text: [UInt8]) -> MessageStream? {
        guard end == nil, let document = try? JSONDocument(parsing: text),
            let message = try? JSONRPCMessage(document.root), quota.beginCalls(1)
        else { return nil }
        let stream = makeStream(mayStream: false, for: latest)
        begin(message, on: stream, isInitialize: false, record: nil)
        return stream
    }
}

extension JSONRPCError {
    /// Nothing is called whose headers cannot be held against its arguments (c13).
    fileprivate static let unknownParameters = JSONRPCError(
        .internalError, "The server does not say which tools it has")
}
