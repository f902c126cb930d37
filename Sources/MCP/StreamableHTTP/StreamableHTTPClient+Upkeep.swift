import AsyncIO
import HTTP
import JSON
import Telemetry

// What a client asks of its own accord, while its user says nothing.
extension StreamableHTTPClient: ListComparing {
    /// Whether the server has said which era it speaks, so that it can be asked something.
    package var canAsk: Bool { (version != nil || claim != nil) && !isClosed }

    /// Asks the server whether it is there: with `ping`, or, in the era that has none, by what it says of itself. A session that
    /// it has forgotten is begun again, so that whoever only listens goes on to hear. False where it said nothing within
    /// `limit`; that it cannot be reached is seen by what carries the request.
    package func ping(within limit: Duration) async -> Bool {
        guard version == nil, let claim else { return await ask("ping", [], within: limit).isAnswered }
        let params = Self.envelope(claim)
        return await ask("server/discover", params, within: limit).isAnswered
    }

    static func envelope(_ version: String) -> [UInt8] {
        let meta: JSONValue = .object([
            .init(ModernEnvelope.keys[0].description, .string(version)), .init(ModernEnvelope.keys[2].description, [:]),
        ])
        return Array("{\"_meta\":".utf8) + meta.serialized() + [UInt8(ascii: "}")]
    }

    /// Asks for the lists that the client has been told, and tells it which are others by now.
    package func compareLists(within limit: Duration) async { await lookAtLists(within: limit) }

    /// Sends a request that the client knows nothing of; what else comes with its answer goes to the client. One at a time.
    func ask(
        _ method: String, _ params: [UInt8], within limit: Duration
    ) async -> (isAnswered: Bool, answer: JSONDocument?) {
        guard canAsk, renewal == nil, let message = own(method, params) else { return (true, nil) }
        ownAnswer = nil
        let isAnswered = await finishes(within: limit) { await $0.exchange(own: message) }
        defer { ownAnswer = nil }
        return (isAnswered, ownAnswer)
    }

    /// A request of our own.
    func own(_ method: String, _ params: [UInt8]) -> JSONRPCMessage? {
        lastOwn += 1
        var text = Array("{\"jsonrpc\":\"2.0\",\"id\":\"sallyport-\(lastOwn)\",\"method\":\"\(method)\"".utf8)
        if !params.isEmpty { text += Array(",\"params\":".utf8) + params }
        text.append(UInt8(ascii: "}"))
        guard let document = try? JSONDocument(parsing: text) else { return nil }
        return try? JSONRPCMessage(document.root)
    }

    private func exchange(own message: JSONRPCMessage) async {
        let (number, hadSession) = (sessionNumber, session != nil)
        do throws(ExchangeFailure) {
            let response = try await post(message).response
            if response.status.code == 404, hadSession {
                if number == sessionNumber, renewal == nil { renewSession() }
                return
            }
            guard response.status == .ok else { return }
            try await read(response, until: message) { text in
                guard let document = try? JSONDocument(parsing: text) else { return }
                let isAnswer =
                    document.root["method"] == nil && document.root["id"].flatMap { JSONRPCID($0) } == message.exactID
                if isAnswer { return took(own: document) }
                if admits(document, of: number) { await deliver(text) }
            }
        } catch {
            logger.debug("a server was asked in vain", ["reason": .string(error.reason)])
        }
    }

    private func took(own answer: JSONDocument) { ownAnswer = answer }
}
