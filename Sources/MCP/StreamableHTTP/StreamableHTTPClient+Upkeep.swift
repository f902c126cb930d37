import AsyncIO
import HTTP
import JSON
import Telemetry

// What a client of a legacy server asks of its own accord, while its user says nothing.
extension StreamableHTTPClient {
    /// Whether there is a session of the legacy era: the other one knows neither.
    package var hasSession: Bool { version != nil && !isClosed }

    /// Asks the server whether it is there. A session that it has forgotten is begun again, so that whoever only listens goes on
    /// to hear. False where it said nothing within `limit`; that it cannot be reached is seen by what carries the request.
    package func ping(within limit: Duration) async -> Bool {
        await ownRequest("ping", [], within: limit) { _ in }
    }

    /// Asks for the lists that the client has been told, and tells it which of them are others by now.
    package func compareLists(within limit: Duration) async {
        for (method, known) in lists.known {
            guard hasSession, let document = try? JSONDocument(parsing: known.request),
                let params = document.root["params"], params.isObject
            else { continue }
            _ = await ownRequest(method, Array(params.bytes), within: limit) { [self] in await compare(method, $0) }
        }
    }

    private func compare(_ method: String, _ answer: JSONDocument) async {
        guard let result = answer.root["result"], let change = lists.changed(method, result) else { return }
        await deliver(change)
    }

    /// Sends a request that the client knows nothing of; what else comes with its answer goes to the client.
    private func ownRequest(
        _ method: String, _ params: [UInt8], within limit: Duration,
        _ take: @escaping @Sendable (JSONDocument) async -> Void
    ) async -> Bool {
        guard hasSession, renewal == nil else { return true }
        lastOwn += 1
        var text = Array("{\"jsonrpc\":\"2.0\",\"id\":\"sallyport-\(lastOwn)\",\"method\":\"\(method)\"".utf8)
        if !params.isEmpty { text += Array(",\"params\":".utf8) + params }
        text.append(UInt8(ascii: "}"))
        guard let document = try? JSONDocument(parsing: text), let message = try? JSONRPCMessage(document.root) else {
            return true
        }
        return await finishes(within: limit) { await $0.exchange(own: message, take) }
    }

    private func exchange(own message: JSONRPCMessage, _ take: @Sendable (JSONDocument) async -> Void) async {
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
                if isAnswer { return await take(document) }
                if admits(document, of: number) { await deliver(text) }
            }
        } catch {
            logger.debug("a server was asked in vain", ["reason": .string(error.reason)])
        }
    }
}
