import AsyncIO
import HTTP
import JSON
import Telemetry

/// Why a message got no answer from the server.
struct ExchangeFailure: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
}

// One message, one POST.
extension StreamableHTTPClient {
    /// Attempts for want of a token, and for a session that is gone.
    private static let maximumRenewals = 3

    /// Sends a message and delivers everything that the server says to it. A request always gets an answer, unless it
    /// was cancelled.
    func exchange(_ message: JSONRPCMessage) async {
        do throws(ExchangeFailure) {
            try await attempt(message)
        } catch {
            logger.debug("an exchange failed", ["reason": .string(error.reason)])
            guard message.kind == .request, !Task.isCancelled, !isClosed else { return }
            await deliver(JSONRPCError(.internalError, error.reason).response(to: message.exactID))
        }
    }

    private func attempt(_ message: JSONRPCMessage) async throws(ExchangeFailure) {
        var renewals = 0
        var hasNewSession = false
        while true {
            await renewal?.value
            let (number, hadSession) = (sessionNumber, session != nil)
            let (response, presented) = try await post(message)
            switch response.status.code {
            case 200: return try await take(response, for: message)
            case 201...299: return
            case 401, 403:
                let challenges = response.fields.values("www-authenticate")
                let isRefused = response.status.code == 401 || challenges.contains { $0.contains("insufficient_scope") }
                renewals += 1
                guard isRefused, renewals <= Self.maximumRenewals,
                    try await renew(response.status.code, challenges, presented)
                else { return try await fail(response, message) }
            case 404 where hadSession && !hasNewSession && !message.isMethod("initialize"):
                // It was not processed, so it may be sent again (c51, d8).
                hasNewSession = true
                if number == sessionNumber, renewal == nil { renewSession() }
                await renewal?.value
                guard version != nil else {
                    throw ExchangeFailure("The server has ended the session and begins no other")
                }
            default: return try await fail(response, message)
            }
        }
    }

    private func renew(
        _ status: Int, _ challenges: [String], _ presented: String?
    ) async throws(ExchangeFailure) -> Bool {
        do throws(AuthorizationFailure) {
            return try await authorizer.renew(
                after: AuthorizationRefusal(status: status, challenges: challenges, presented: presented))
        } catch {
            throw ExchangeFailure(error.description)
        }
    }

    /// The session is gone: begins another with the same words. Where that fails there is none.
    func beginAgain() async throws(ExchangeFailure) {
        forgetSession()
        guard let greeting, let document = try? JSONDocument(parsing: greeting),
            let message = try? JSONRPCMessage(document.root)
        else { return }
        logger.info("the server has ended the session; another is begun")
        let (response, _) = try await post(message)
        guard response.status == .ok else { return }
        var result: JSONNode?
        try await read(response, until: message) { text in
            if let answer = try? JSONDocument(parsing: text) { result = answer.root["result"] }
        }
        agree(on: result, response.fields)
        guard version != nil else { return }
        let ready = Array("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}".utf8)
        if let document = try? JSONDocument(parsing: ready), let notification = try? JSONRPCMessage(document.root) {
            _ = try await post(notification)
        }
        listen()
    }

    func forgetSession() {
        session = nil
        version = nil
        sessionNumber += 1
        stream?.cancel()
        stream = nil
    }

    /// What `initialize` agreed on.
    private func agree(on result: JSONNode?, _ fields: HTTPFields) {
        guard let agreed = result?["protocolVersion"]?.string else { return }
        version = agreed
        session = fields["mcp-session-id"]
    }

    // MARK: The request

    private func post(
        _ message: JSONRPCMessage
    ) async throws(ExchangeFailure) -> (response: HTTPClientResponse, presented: String?) {
        var fields = try await commonFields()
        fields.append("Content-Type", "application/json")
        fields.append("Accept", "application/json, text/event-stream")
        if let claim = ModernRequestHeaders.claim(of: message) {
            fields.remove("mcp-protocol-version")
            fields.remove("mcp-session-id")
            for (name, value) in ModernRequestHeaders.fields(for: message, version: claim, tools: tools) {
                if let name = HTTPFieldName(validating: name) { fields.append(name, value) }
            }
        }
        let request = HTTPClientRequest(
            method: .post, url: endpoint, fields: fields, body: .bytes(Array(message.node.bytes)))
        return (try await send(request), fields["authorization"])
    }

    /// The fields of every request of this session.
    func commonFields() async throws(ExchangeFailure) -> HTTPFields {
        var fields: HTTPFields = ["User-Agent": "sallyport"]
        do throws(AuthorizationFailure) {
            if let authorization = try await authorizer.authorization() {
                fields.append("Authorization", authorization)
            }
        } catch {
            throw ExchangeFailure(error.description)
        }
        if let session { fields.append("Mcp-Session-Id", session) }
        if let version { fields.append("MCP-Protocol-Version", version) }
        guard !fields.hasRefusedField else { throw ExchangeFailure("A header value of this session cannot be sent") }
        return fields
    }

    func send(_ request: HTTPClientRequest) async throws(ExchangeFailure) -> HTTPClientResponse {
        do throws(HTTPClientError) {
            return try await http.send(request)
        } catch {
            throw ExchangeFailure("\(endpoint.origin) does not answer: \(error)")
        }
    }

    // MARK: The response

    private func take(
        _ response: HTTPClientResponse, for message: JSONRPCMessage
    ) async throws(ExchangeFailure) {
        let isGreeting = message.isMethod("initialize")
        let isToolList = message.isMethod("tools/list")
        try await read(response, until: message) { [self] text in
            let document = try? JSONDocument(parsing: text)
            if isGreeting, let result = document?.root["result"] {
                forgetSession()
                agree(on: result, response.fields)
            }
            await deliver(isToolList ? learning(text, document) : text)
        }
    }

    /// Learns which arguments are mirrored, and takes out tools whose annotations break the rules (d5).
    private func learning(_ text: [UInt8], _ document: JSONDocument?) -> [UInt8] {
        guard let document, let list = document.root["result"]?["tools"], list.isArray else { return text }
        let invalid = tools.learn(list)
        // Legacy servers know nothing of the annotation: there it means nothing.
        guard !invalid.isEmpty, version == nil else { return text }
        for position in invalid {
            logger.warning(
                "a tool is left out: its x-mcp-header annotations are not valid",
                ["tool": .string(list[position]?["name"]?.string ?? "")])
        }
        var kept: [UInt8] = [UInt8(ascii: "[")]
        for (position, tool) in list.elements.enumerated() where !invalid.contains(position) {
            if kept.count > 1 { kept.append(UInt8(ascii: ",")) }
            kept += tool.bytes
        }
        kept.append(UInt8(ascii: "]"))
        return Splice.replacing(list, with: kept, in: document.root)
    }

    /// An answer that is an error: the server's own words where it has some.
    private func fail(
        _ response: HTTPClientResponse, _ message: JSONRPCMessage
    ) async throws(ExchangeFailure) {
        let status = response.status
        let text = (try? await response.body.collect(upTo: Self.maximumMessage)) ?? []
        if message.kind == .request, let document = try? JSONDocument(parsing: text), let id = message.exactID,
            let error = document.root["error"], error.isObject
        {
            // Some servers leave the id out, or say null.
            if document.root["id"].flatMap({ JSONRPCID($0) }) == id {
                return await deliver(JSONText.compacted(document))
            }
            let answer = Array("{\"jsonrpc\":\"2.0\",\"id\":".utf8) + id.text + Array(",\"error\":".utf8)
            return await deliver(answer + JSONText.compacted(error) + [UInt8(ascii: "}")])
        }
        throw ExchangeFailure("\(endpoint.text) answered \(status.code) \(status.reason)")
    }
}
