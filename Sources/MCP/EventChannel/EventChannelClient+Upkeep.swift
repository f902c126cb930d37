import AsyncIO
import JSON

// What a client asks of its own accord, while its user says nothing.
extension EventChannelClient: ListComparing {
    private static let ownPrefix = "sallyport-"
    /// Requests that are remembered until they are answered.
    private static let maximumNoted = 64

    /// Whether the stream has begun.
    var canAsk: Bool { inbox != nil && !isClosed }

    /// Asks the server whether it is there, once its stream has begun. False where it said nothing within `limit`; that it
    /// cannot be reached is seen by what carries the request.
    package func ping(within limit: Duration) async -> Bool { await ask("ping", [], within: limit).isAnswered }

    /// Asks for the lists that the client has been told, and tells it which are others by now.
    package func compareLists(within limit: Duration) async { await lookAtLists(within: limit) }

    /// Sends a request that the client knows nothing of. One at a time.
    func ask(
        _ method: String, _ params: [UInt8], within limit: Duration
    ) async -> (isAnswered: Bool, answer: JSONDocument?) {
        guard canAsk else { return (true, nil) }
        lastOwn += 1
        ownAnswer = nil
        var text = Array("{\"jsonrpc\":\"2.0\",\"id\":\"\(Self.ownPrefix)\(lastOwn)\",\"method\":\"\(method)\"".utf8)
        if !params.isEmpty { text += Array(",\"params\":".utf8) + params }
        text.append(UInt8(ascii: "}"))
        guard let document = try? JSONDocument(parsing: text), let message = try? JSONRPCMessage(document.root) else {
            return (true, nil)
        }
        let deadline = EventLoop.preciseNow + limit
        do throws(ExchangeFailure) {
            try await put(message)
        } catch {
            return (true, nil)
        }
        while ownAnswer == nil, !isClosed, EventLoop.preciseNow < deadline {
            // Cancelled: nobody wants to know any more.
            do { try await loop.sleep(for: .milliseconds(20)) } catch { return (true, nil) }
        }
        return (ownAnswer != nil || isClosed, ownAnswer)
    }

    /// Whether a message answers what we asked ourselves; what answers an older question is nobody's.
    func takesOwn(_ document: JSONDocument) -> Bool {
        guard lastOwn > 0, document.root["method"] == nil, let id = document.root["id"]?.string,
            id.hasPrefix(Self.ownPrefix), let number = Int(id.dropFirst(Self.ownPrefix.count)), number <= lastOwn
        else { return false }
        if number == lastOwn { ownAnswer = document }
        return true
    }

    /// Looks at a message of the client.
    func note(_ message: JSONRPCMessage) {
        guard let id = message.exactID, message.kind == .request, noted.count < Self.maximumNoted,
            message.isMethod("initialize") || ListMemory.isList(message)
        else { return }
        noted[id] = message
    }

    /// Looks at a message of the server.
    func remember(_ document: JSONDocument) {
        guard !noted.isEmpty, document.root["method"] == nil,
            let id = document.root["id"].flatMap({ JSONRPCID($0) }), let request = noted.removeValue(forKey: id)
        else { return }
        guard request.isMethod("initialize") else { return lists.note(request, document) }
        lists.began(document.root["result"]?["capabilities"])
    }
}
