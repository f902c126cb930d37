import AsyncIO
import Crypto
import JSON
import MCP

// What goes to the server.
extension PinnedConnection {
    /// Calls that wait for a list at once, and their bytes.
    private static let maximumHeld = 1024
    private static let maximumHeldBytes = 16 << 20
    /// Requests for lists without an answer; more wait for a server that gives none.
    private static let maximumLists = 1024
    private static let maximumListens = 256

    /// Takes a line of the session. The result says whether lines wait to be flushed.
    func accept(_ message: JSONRPCMessage, _ line: [UInt8]) throws(IOError) -> Bool {
        let method = MCPMethod(message.method)
        switch message.kind {
        case .response: return try inner.enqueue(line)
        case .notification:
            // Nothing that a session says; a server might take it for a call.
            if enforces, method == .toolsCall { return false }
            if message.isMethod("notifications/cancelled"), isDropped(message) { return false }
            return try inner.enqueue(line)
        case .request: break
        }
        guard let id = message.exactID, let number = message.id?.integer.flatMap({ Int(exactly: $0) }) else {
            // Whoever is above numbers its requests.
            return false
        }
        switch method {
        case .toolsList:
            guard lists.count < Self.maximumLists else { return refuse(id, .tooMany) }
            lists[number] = message.params?["cursor"] == nil
        case .initialize: introductions.insert(number)
        case .subscriptionsListen:
            if message.params?["notifications"]?["toolsListChanged"]?.boolean == true,
                listens.count < Self.maximumListens
            {
                listens.insert(number)
            }
        case .toolsCall where enforces: return try call(message, id, number, line)
        default: break
        }
        return try inner.enqueue(line)
    }

    private func call(
        _ message: JSONRPCMessage, _ id: JSONRPCID, _ number: Int, _ line: [UInt8]
    ) throws(IOError) -> Bool {
        let name: [UInt8]
        switch ToolMessage.name(of: message) {
        // What names no tool is the server's to refuse.
        case nil: return try inner.enqueue(line)
        // Withheld and unknown look alike (R05).
        case .other?: return refuse(id, .unknownTool)
        case .text(let text)?: name = text
        }
        guard !isKnown else { return isApproved(name) ? try inner.enqueue(line) : refuse(id, .unknownTool) }
        guard held.count < Self.maximumHeld, heldBytes + line.count <= Self.maximumHeldBytes else {
            return refuse(id, .tooMany)
        }
        held.append(Held(number: number, name: name, line: line))
        heldBytes += line.count
        if learning == nil { learn(like: message) }
        return false
    }

    /// Whether what the server said last of this tool is approved.
    func isApproved(_ name: [UInt8]) -> Bool {
        guard let digest = seen[name] else { return false }
        return book.permits(name, digest)
    }

    private func refuse(_ id: JSONRPCID, _ error: JSONRPCError) -> Bool {
        emit(error.response(to: id))
        outbox.deliverSoon()
        return false
    }

    /// Whether what is cancelled was waiting here, where it waits no longer.
    private func isDropped(_ cancellation: JSONRPCMessage) -> Bool {
        guard let number = cancellation.params?["requestId"]?.integer.flatMap({ Int(exactly: $0) }) else {
            return false
        }
        listens.remove(number)
        guard let position = held.firstIndex(where: { $0.number == number }) else { return false }
        heldBytes -= held[position].line.count
        held.remove(at: position)
        // Nobody waits for the list any more; who comes next asks again.
        if held.isEmpty { learning = nil }
        return true
    }

    // MARK: Asking ourselves

    /// Asks for all tools, in the era of `message`.
    private func learn(like message: JSONRPCMessage) {
        learning = Learning(number: 0, meta: Self.envelope(of: message))
        ask(cursor: nil)
    }

    /// What every request of the modern era says; nil in the other one.
    private static func envelope(of message: JSONRPCMessage) -> [UInt8]? {
        guard let meta = message.params?["_meta"], meta.isObject, meta[Era.claimKey] != nil else { return nil }
        var text: [UInt8] = [UInt8(ascii: "{")]
        for (key, value) in meta.members where ModernEnvelope.keys.contains(where: { key.equals($0) }) {
            if text.count > 1 { text.append(UInt8(ascii: ",")) }
            text += key.bytes
            text.append(UInt8(ascii: ":"))
            text += value.bytes
        }
        return text + [UInt8(ascii: "}")]
    }

    /// Asks for one page.
    func ask(cursor: [UInt8]?) {
        lastNumber += 1
        learning?.number = lastNumber
        var members: [[UInt8]] = []
        if let meta = learning?.meta { members.append(Array("\"_meta\":".utf8) + meta) }
        if let cursor {
            members.append(Array("\"cursor\":".utf8) + JSONText.quoted(String(decoding: cursor, as: UTF8.self)))
        }
        var line = Array("{\"jsonrpc\":\"2.0\",\"id\":".utf8) + DecimalText.bytes(lastNumber)
        line += Array(",\"method\":\"tools/list\",\"params\":{".utf8) + members.joined(separator: [UInt8(ascii: ",")])
        line += Array("}}\n".utf8)
        do throws(IOError) {
            try inner.send(line)
        } catch {
            notLearnt()
        }
    }

    /// Asks once more, because what was learnt was old before it was there.
    func learnAgain() {
        learning?.tools = [:]
        learning?.pages = 0
        learning?.isOutdated = false
        ask(cursor: nil)
    }

    /// The server does not say what its tools are: nothing of it can be called.
    func notLearnt() {
        learning = nil
        let waiting = held
        held = []
        heldBytes = 0
        for call in waiting { emit(JSONRPCError.noList.response(to: JSONRPCID(number: call.number))) }
        outbox.deliverSoon()
    }

    /// The tools are known: what waited goes on, or does not.
    func release() {
        let waiting = held
        held = []
        heldBytes = 0
        for call in waiting {
            guard isApproved(call.name) else {
                emit(JSONRPCError.unknownTool.response(to: JSONRPCID(number: call.number)))
                continue
            }
            do throws(IOError) {
                try inner.send(call.line)
            } catch {
                emit(JSONRPCError.notTaken.response(to: JSONRPCID(number: call.number)))
            }
        }
    }
}

extension JSONRPCError {
    fileprivate static let tooMany = JSONRPCError(.limitReached, "Too many requests wait for the tools of the server")
    fileprivate static let noList = JSONRPCError(.internalError, "The server did not say what its tools are")
    fileprivate static let notTaken = JSONRPCError(.limitReached, "The server does not keep up")
}
