import HTTP
import JSON
import Telemetry

// A session that the server has forgotten is begun again (d8).
extension StreamableHTTPClient {
    /// The session is gone: begins another with the same words, tells it what the last one knew, and the client what may
    /// have changed. Where that fails there is none.
    func beginAgain() async throws(ExchangeFailure) {
        let agreed = version
        forgetSession()
        guard let greeting, let message = Self.message(greeting) else { return }
        logger.info("the server has ended the session; another is begun")
        for id in questions.takeAll() {
            await deliver(JSONRPCText.cancelled(id, reason: "the session that asked has ended"))
        }
        let response = try await post(message).response
        guard response.status == .ok else { return }
        var result: JSONNode?
        try await read(response, until: message) { text in
            if let answer = try? JSONDocument(parsing: text) { result = answer.root["result"] }
        }
        // The client goes on in the revision that it knows.
        guard result?["protocolVersion"]?.string == agreed else { return }
        agree(on: result, response.fields)
        if let ready = Self.message(Array(#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.utf8)) {
            _ = try await post(ready)
        }
        for request in memory.requests {
            guard let request = Self.message(request) else { continue }
            // Its answer was given long ago.
            try await read(try await post(request).response, until: request) { _ in }
        }
        listen()
        for change in memory.changes(result?["capabilities"]) { await deliver(change) }
    }

    private static func message(_ text: [UInt8]) -> JSONRPCMessage? {
        guard let document = try? JSONDocument(parsing: text) else { return nil }
        return try? JSONRPCMessage(document.root)
    }

    func forgetSession() {
        session = nil
        version = nil
        sessionNumber += 1
        stream?.cancel()
        stream = nil
        hasGeneralStream = nil
    }

    /// What `initialize` agreed on.
    func agree(on result: JSONNode?, _ fields: HTTPFields) {
        guard let agreed = result?["protocolVersion"]?.string else { return }
        version = agreed
        session = fields["mcp-session-id"]
    }
}
