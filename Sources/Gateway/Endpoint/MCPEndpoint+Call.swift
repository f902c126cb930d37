import AsyncIO
import HTTP
import JSON
import MCP
import OAuth
import Telemetry

// Step 10: the upstream call. A session has a child of its own, so finding the session is choosing the child.
extension MCPEndpoint {
    func call(
        _ target: ServerSupervisor, _ payload: JSONRPCPayload, _ caller: Caller, _ request: HTTPRequest
    ) async throws(EndpointRefusal) -> HTTPResponse {
        switch payload {
        case .batch(let array): return try await call(batch: array, caller, request)
        case .single(let message):
            if message.kind == .request, message.isMethod("initialize") {
                return try await begin(target, message, caller, request)
            }
            let session = try knownSession(caller)
            let record = record(message, request)
            let outcome = await session.accept(
                message, for: caller.principal, record: record, until: request.departure)
            return try response(outcome, caller)
        }
    }

    private func begin(
        _ target: ServerSupervisor, _ message: JSONRPCMessage, _ caller: Caller, _ request: HTTPRequest
    ) async throws(EndpointRefusal) -> HTTPResponse {
        switch caller.session {
        case .none: break
        // A client does not choose its session (M02).
        case .unknown: throw .sessionNotFound
        case .found: throw .badRequest("This session is already initialized", id: message.exactID)
        }
        do throws(SpawnRefusal) {
            let (session, outcome) = try await target.begin(
                message, for: caller.principal, record: CallRecord(of: request.id))
            var response = try answer(outcome)
            if let session { response.fields.append("Mcp-Session-Id", session.id.text) }
            return response
        } catch {
            throw spawn(error, message.exactID, caller, request)
        }
    }

    private func answer(_ outcome: CallOutcome) throws(SpawnRefusal) -> HTTPResponse {
        // The answer to `initialize` is one message, or the client has gone and nobody reads what is said here.
        if case .message(let bytes) = outcome { return Self.json(bytes) }
        return HTTPResponse(status: .serviceUnavailable)
    }

    private func call(
        batch array: JSONNode, _ caller: Caller, _ request: HTTPRequest
    ) async throws(EndpointRefusal) -> HTTPResponse {
        let session = try knownSession(caller)
        guard await session.version?.allowsBatches == true else {
            throw .badRequest("This protocol version has no batches")
        }
        guard array.count > 0, array.count <= limits.batchMessages else {
            throw .badRequest("A batch has 1 to \(limits.batchMessages) messages")
        }
        var messages: [LegacySession.BatchMember] = []
        for element in array.elements {
            let message = try message(in: element)
            messages.append((message, record(message, request)))
        }
        return try response(await session.accept(messages, for: caller.principal), caller)
    }

    /// A message of a batch as a text of its own, because each is edited by itself.
    private func message(in element: JSONNode) throws(EndpointRefusal) -> JSONRPCMessage {
        guard let document = try? JSONDocument(parsing: Array(element.bytes)),
            let message = try? JSONRPCMessage(ofClient: document.root)
        else { throw .badRequest("A message of the batch is not valid") }
        guard !message.isMethod("initialize") else { throw .badRequest("initialize cannot be in a batch") }
        // Behind HTTP it would leave as a request of the other era, and without its session.
        guard VersionClaim(header: nil, message: message).era == .legacy else {
            throw .badRequest("A message of a batch cannot claim a revision of its own")
        }
        return message
    }

    private func knownSession(_ caller: Caller) throws(EndpointRefusal) -> LegacySession {
        switch caller.session {
        // Never "the only one there is" (M06).
        case .none: throw .badRequest("Mcp-Session-Id is missing")
        case .unknown: throw .sessionNotFound
        case .found(let session): return session
        }
    }

    /// Why no session begins.
    func spawn(
        _ refusal: SpawnRefusal, _ id: JSONRPCID?, _ caller: Caller, _ request: HTTPRequest
    ) -> EndpointRefusal {
        guard case .forbidden(let missing) = refusal else { return .spawn(refusal, id: id) }
        supervisor.surroundings.observer.denied(sessionOf: caller.principal, with: server.name, request)
        return forbidden(missing, JSONRPCError.insufficientScope(missing).response(to: id), caller)
    }

    func response(_ outcome: CallOutcome, _ caller: Caller) throws(EndpointRefusal) -> HTTPResponse {
        switch outcome {
        case .message(let bytes): return Self.json(bytes)
        case .answer(let answer): return Self.json(answer.text, status: answer.status)
        case .stream(let reader): return EventStreamResponse.make(reader)
        case .accepted: return HTTPResponse(status: .accepted)
        // Only a client that closed its sending side alone can read this.
        case .detached: throw .badRequest("The connection was closed before the answer came")
        case .unsolicited: throw .badRequest("Nothing was asked under this id")
        case .forbidden(let missing, let text): throw forbidden(missing, text, caller)
        case .limitReached: throw .limitReached("Too many calls in flight")
        case .gone: throw .sessionNotFound
        }
    }

    /// Nil for what is not answered.
    func record(_ message: JSONRPCMessage, _ request: HTTPRequest) -> CallRecord? {
        guard message.kind == .request else { return nil }
        let isCall = message.isMethod("tools/call")
        let isAudited = audits && isCall
        // What the server complains meanwhile names its request, whatever else is kept of it.
        guard tracer != nil || isAudited else { return CallRecord(of: request.id) }
        return CallRecord(
            tool: isCall ? message.params?["name"]?.string : nil, requestID: request.id,
            remoteAddress: request.remoteAddressText, isAudited: isAudited,
            arguments: isAudited ? arguments?.text(of: message.params?["arguments"]) : nil,
            trace: tracer.map { CallTrace($0, message, request) })
    }

    private static let jsonFields: HTTPFields = [
        "Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
    ]

    /// An answer of a server. Never kept by a proxy: it is for one principal (M09).
    private static func json(_ bytes: [UInt8], status: HTTPStatus = .ok) -> HTTPResponse {
        HTTPResponse(status: status, fields: jsonFields, body: .bytes(bytes))
    }
}
