import AsyncIO
import Crypto
import JSON
import MCP

// What the server says.
extension PinnedConnection {
    private static let maximumPages = 100
    private static let maximumTools = 10_000
    /// How often a list is asked for anew because it changed meanwhile, before calls go by what was said last.
    private static let maximumRepetitions = 3

    func received(_ lines: [LineFramer.Line]) {
        for line in lines { received(line) }
        outbox.deliver()
    }

    private func received(_ line: LineFramer.Line) {
        // Who only reports looks at lists alone.
        guard enforces || !lists.isEmpty else { return pass(line) }
        guard case .complete(let bytes) = line, let document = try? JSONDocument(parsing: bytes) else {
            return pass(line)  // The session counts what is no use.
        }
        guard document.root.isArray else {
            if let text = handled(document.root, bytes) { pass(text) }
            return
        }
        // A batch may hold a list too.
        for element in document.root.elements {
            let bytes = Array(element.bytes)
            guard let alone = try? JSONDocument(parsing: bytes) else { continue }
            if let text = handled(alone.root, bytes) { pass(text) }
        }
    }

    /// What the session gets of a message; nil for nothing.
    private func handled(_ node: JSONNode, _ bytes: [UInt8]) -> LineFramer.Line? {
        guard let message = try? JSONRPCMessage(node) else { return .complete(bytes) }
        switch message.kind {
        case .request: return .complete(bytes)
        case .notification:
            if message.isMethod("notifications/tools/list_changed") { outdate() }
            return .complete(bytes)
        case .response: return answered(message, bytes).map { .complete($0) }
        }
    }

    /// What is known, and what is under way, may be old.
    private func outdate() {
        isKnown = false
        learning?.isOutdated = true
        for number in lists.keys { lists[number] = false }
    }

    private func answered(_ message: JSONRPCMessage, _ bytes: [UInt8]) -> [UInt8]? {
        guard let number = message.id?.integer.flatMap({ Int(exactly: $0) }) else { return bytes }
        if number > 1 << 40 {
            // Ours alone; one that comes late has nobody who waits for it.
            if learning?.number == number { learnt(message) }
            return nil
        }
        if introductions.remove(number) != nil {
            announces = message.node["result"]?["capabilities"]?["tools"]?["listChanged"]?.boolean == true
        }
        listens.remove(number)
        guard let isFirst = lists.removeValue(forKey: number) else { return bytes }
        return listed(message, bytes, isFirst: isFirst)
    }

    // MARK: Lists of the session

    /// A page as clients may have it.
    private func listed(_ message: JSONRPCMessage, _ bytes: [UInt8], isFirst: Bool) -> [UInt8] {
        guard let result = message.node["result"] else { return bytes }
        guard let tools = result["tools"], tools.isArray else {
            guard enforces, let id = message.exactID else { return bytes }
            return JSONRPCError.unreadable.response(to: id)
        }
        let definitions = ToolDefinition.all(in: tools)
        book.saw(definitions)
        guard enforces else { return bytes }
        if isFirst, result["nextCursor"] == nil {
            seen = [:]
            shown = []
            isKnown = true
        }
        remember(definitions, in: &seen)
        let approved = Set(definitions.filter { book.permits($0.name, $0.digest) }.map(\.name))
        shown.formUnion(approved)
        guard approved.count < definitions.count || tools.elements.contains(where: { $0["name"]?.stringBytes == nil })
        else { return bytes }
        guard let visible = ToolMessage.list(message, naming: { approved.contains($0) ? $0 : nil }) else {
            return message.exactID.map { JSONRPCError.unreadable.response(to: $0) } ?? bytes
        }
        // Nobody is to keep a list of which parts are missing for now.
        guard let time = visible.node["result"]?["ttlMs"] else { return Array(visible.node.bytes) }
        return Splice.replacing(time, with: [UInt8(ascii: "0")], in: visible.node)
    }

    private func remember(_ definitions: [ToolDefinition], in tools: inout [[UInt8]: Digest]) {
        for definition in definitions where tools[definition.name] != nil || tools.count < Self.maximumTools {
            tools[definition.name] = definition.digest
        }
    }

    // MARK: Lists of our own

    private func learnt(_ message: JSONRPCMessage) {
        guard let tools = message.node["result"]?["tools"], tools.isArray else { return notLearnt() }
        let definitions = ToolDefinition.all(in: tools)
        book.saw(definitions)
        learning?.pages += 1
        if var all = learning?.tools {
            remember(definitions, in: &all)
            learning?.tools = all
        }
        if let next = message.node["result"]?["nextCursor"]?.stringBytes, let pages = learning?.pages,
            pages < Self.maximumPages
        {
            return ask(cursor: next)
        }
        seen = learning?.tools ?? [:]
        isKnown = learning?.isOutdated == false
        guard isKnown || repetitions == Self.maximumRepetitions else {
            repetitions += 1
            return learnAgain()
        }
        repetitions = 0
        learning = nil
        release()
    }

    // MARK: Approvals

    /// Other definitions count as approved: whoever was shown something else is told.
    func approvalsChanged() {
        guard !seen.isEmpty else { return }
        let approved = Set(seen.keys.filter { isApproved($0) })
        guard approved != shown else { return }
        shown = approved
        let method = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\""
        if announces { emit(Array("\(method)}".utf8)) }
        for listen in listens {
            emit(Array("\(method),\"params\":{\"_meta\":{\"\(Self.subscriptionKey)\":\(listen)}}}".utf8))
        }
        outbox.deliver()
    }

    private static let subscriptionKey = "io.modelcontextprotocol/subscriptionId"
}

extension JSONRPCError {
    fileprivate static let unreadable = JSONRPCError(.internalError, "The server gave a list that cannot be read")
}
