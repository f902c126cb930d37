import AsyncIO
import HTTP
import JSON
import Telemetry

// One message, one POST.
extension StreamableHTTPClient {
    /// Attempts for want of a token, and for a session that is gone.
    private static let maximumRenewals = 3

    /// Sends a message and delivers everything that the server says to it. A request always gets an answer, unless it
    /// was cancelled.
    /// An answer goes to the session that asked and to no other.
    func exchange(_ message: JSONRPCMessage, of asking: Int? = nil) async {
        do throws(ExchangeFailure) {
            try await attempt(message, of: asking)
        } catch {
            logger.debug("an exchange failed", ["reason": .string(error.reason)])
            guard !Task.isCancelled, !isClosed else { return }
            let answer = await explain(error, message)
            guard message.kind == .request, let answer else { return }
            await deliver(answer.response(to: message.exactID))
        }
    }

    private func attempt(_ message: JSONRPCMessage, of asking: Int?) async throws(ExchangeFailure) {
        var renewals = 0
        var hasNewSession = false
        var hasLearnt = false
        while true {
            await renewal?.value
            let fields = try await commonFields()
            // From here to the wire nothing else has a turn: what is looked at now is what the request says.
            guard renewal == nil else { continue }
            let (number, hadSession) = (sessionNumber, session != nil)
            // Meanwhile another session was begun, which did not ask.
            if let asking, asking != number { return }
            let (response, presented) = try await post(message, with: fields)
            switch response.status.code {
            case 200: return try await take(response, for: message, of: number)
            case 201...299:
                guard message.kind == .request else { return }
                throw ExchangeFailure(
                    .unreadable, "\(endpoint.origin) answered \(response.status.code) to a request")
            case 401, 403:
                let challenges = response.fields.values("www-authenticate")
                let isRefused = response.status.code == 401 || challenges.contains { $0.contains("insufficient_scope") }
                renewals += 1
                guard isRefused, renewals <= Self.maximumRenewals,
                    try await renew(response.status.code, challenges, presented)
                else { return try await fail(response, message) }
            // An answer is to a question of the session that is gone; the next one may have asked another under its number.
            case 404 where hadSession && !hasNewSession && !message.isMethod("initialize") && message.kind != .response:
                // It was not processed, so it may be sent again (c51, d8).
                hasNewSession = true
                if number == sessionNumber, renewal == nil { renewSession() }
                await renewal?.value
                guard version != nil else {
                    throw ExchangeFailure(.sessionEnded, "The server has ended the session and begins no other")
                }
            // It was refused for its header fields, and not acted upon: the tool may mirror other arguments by now (d5).
            case 400 where !hasLearnt && message.isMethod("tools/call"):
                guard let claim = ModernRequestHeaders.claim(of: message) else {
                    return try await fail(response, message)
                }
                hasLearnt = true
                let text = (try? await response.body.collect(upTo: settings.maximumMessage)) ?? []
                guard Self.isMismatch(text), try await learnTools(claim) else {
                    return try await fail(response.status, text, message)
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
            throw ExchangeFailure(.noCredential, error.description)
        }
    }

    // MARK: The request

    func post(
        _ message: JSONRPCMessage
    ) async throws(ExchangeFailure) -> (response: HTTPClientResponse, presented: String?) {
        try await post(message, with: try await commonFields())
    }

    /// `fields` are those of every request.
    private func post(
        _ message: JSONRPCMessage, with fields: HTTPFields
    ) async throws(ExchangeFailure) -> (response: HTTPClientResponse, presented: String?) {
        var fields = fields
        fields.append("Content-Type", "application/json")
        fields.append("Accept", "application/json, text/event-stream")
        if let claim = ModernRequestHeaders.claim(of: message) {
            fields.remove("mcp-protocol-version")
            fields.remove("mcp-session-id")
            for (name, value) in ModernRequestHeaders.fields(for: message, version: claim, tools: tools) {
                if let name = HTTPFieldName(validating: name) { fields.append(name, value) }
            }
        }
        // Those who do not read bodies are told where the request belongs, too.
        if let meta = message.params?["_meta"],
            let parent = meta["traceparent"]?.string.flatMap({ TraceContext(traceparent: $0) })
        {
            fields.append("traceparent", parent.traceparent)
            if let state = TraceState(meta["tracestate"]?.string.map { [$0] } ?? []) {
                fields.append("tracestate", state.text)
            }
        }
        let request = HTTPClientRequest(
            method: .post, url: endpoint, fields: fields, body: .bytes(Array(message.node.bytes)),
            isRepeatable: message.isRepeatable,
            timeout: message.kind == .request ? nil : settings.acceptTimeout)
        return (try await send(request), fields["authorization"])
    }

    /// The fields of every request of this session.
    func commonFields() async throws(ExchangeFailure) -> HTTPFields {
        var fields: HTTPFields
        do throws(AuthorizationFailure) {
            fields = try await authorizer.fields()
            if !fields.contains("user-agent") { fields.append("User-Agent", "sallyport") }
            if let authorization = try await authorizer.authorization() {
                fields.append("Authorization", authorization)
            }
        } catch {
            throw ExchangeFailure(.noCredential, error.description)
        }
        if let session { fields.append("Mcp-Session-Id", session) }
        if let version { fields.append("MCP-Protocol-Version", version) }
        guard !fields.hasRefusedField else {
            throw ExchangeFailure(.noCredential, "A header value of this session cannot be sent")
        }
        return fields
    }

    func send(_ request: HTTPClientRequest) async throws(ExchangeFailure) -> HTTPClientResponse {
        do throws(HTTPClientError) {
            return try await http.send(request)
        } catch {
            throw ExchangeFailure(.transport(error.code), "\(endpoint.origin) does not answer: \(error)")
        }
    }

    // MARK: The response

    private func take(
        _ response: HTTPClientResponse, for message: JSONRPCMessage, of number: Int
    ) async throws(ExchangeFailure) {
        let isGreeting = message.isMethod("initialize")
        let claim = ModernRequestHeaders.claim(of: message)
        let isIntroduction = claim != nil && self.claim == nil && message.isMethod("server/discover")
        if let claim { self.claim = claim }
        let isToolList = message.isMethod("tools/list")
        try await read(response, until: message) { [self] text in
            let document = try? JSONDocument(parsing: text)
            if isGreeting, let result = document?.root["result"] {
                forgetSession()
                agree(on: result, response.fields)
                lists.began(result["capabilities"])
            }
            if isIntroduction, let result = document?.root["result"] { lists.began(result["capabilities"]) }
            guard isGreeting || admits(document, of: number) else { return }
            lists.note(message, document)
            await deliver(isToolList ? learning(text, document) : text)
        }
    }

    /// Whether what the server says in session `number` goes to the client.
    func admits(_ document: JSONDocument?, of number: Int) -> Bool {
        guard let document else { return true }
        return questions.admit(document.root, of: number, isCurrent: number == sessionNumber)
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
        let text = (try? await response.body.collect(upTo: settings.maximumMessage)) ?? []
        try await fail(response.status, text, message)
    }

    private func fail(
        _ status: HTTPStatus, _ text: [UInt8], _ message: JSONRPCMessage
    ) async throws(ExchangeFailure) {
        // What refuses whoever asks, or asks for patience, is perhaps not the server's at all: no verdict on its era (d4).
        let isVerdict =
            ExchangeFailure.Cause.status(status.code).isNotUnderstood || !message.isMethod("server/discover")
        if isVerdict, message.kind == .request, let document = try? JSONDocument(parsing: text),
            let id = message.exactID,
            let error = document.root["error"], error.isObject
        {
            // Some servers leave the id out, or say null.
            if document.root["id"].flatMap({ JSONRPCID($0) }) == id {
                return await deliver(JSONText.compacted(document))
            }
            return await deliver(Self.refusal(id, error))
        }
        throw ExchangeFailure(.status(status.code), "\(endpoint.origin) answered \(status.code) \(status.reason)")
    }
}
