import HTTP
import MCP
import OAuth

/// `/{server}/sse` and `/{server}/messages`: the transport of 2024-11-05 (mcp.md c-SSE). The steps are those of
/// ``MCPEndpoint``, for a resource of its own.
struct EventChannelEndpoint: HTTPResponder {
    /// Where the id of the session stands in the query of a POST: the client takes the address as it is.
    private static let parameter = "session_id"

    let steps: MCPEndpoint
    let paths: EventChannelPaths

    /// Puts it on its paths.
    func register(on router: inout HTTPRouter) {
        router.on(.get, paths.stream, self)
        router.on(.post, paths.messages, self)
        for path in [paths.stream, paths.messages] {
            router.on(.options, path, PreflightEndpoint(pages: steps.pages))
        }
    }

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        var page: String?
        var principal: Principal?
        var response: HTTPResponse
        do throws(EndpointRefusal) {
            let place = try steps.admit(request)
            page = place.page
            let caller = try await steps.identify(request, place.own)
            principal = caller.principal
            try steps.checkRate(caller, request)
            response =
                request.method == .get
                ? try await open(request, caller) : try await post(request, body, caller)
        } catch {
            response = error.response
            steps.noteLimit(response, of: principal, request)
        }
        steps.pages.expose(&response, to: page)
        return response
    }

    private func open(_ request: HTTPRequest, _ caller: MCPEndpoint.Caller) async throws(EndpointRefusal)
        -> HTTPResponse
    {
        try steps.checkAccess(caller, steps.server.requiredScopes)
        guard MediaTypes.acceptsEvents(request.fields) else {
            throw EndpointRefusal(.notAcceptable, JSONRPCError(.invalidRequest, "Accept must allow text/event-stream"))
        }
        let opened: LegacySession?
        do throws(SpawnRefusal) {
            opened = try await steps.supervisor.open(
                for: caller.principal, client: .eventChannel, request: request.id)
        } catch {
            throw steps.spawn(error, nil, caller, request)
        }
        guard let session = opened else {
            throw EndpointRefusal(.serviceUnavailable, steps.supervisor.cannotStart, retryAfter: 10)
        }
        let address = "\(paths.messages)?\(Self.parameter)=\(session.id.text)"
        switch await session.openChannel(postingTo: address, for: caller.principal) {
        case .stream(let reader): return EventStreamResponse.make(reader)
        case .limitReached:
            await session.finish(.abandoned)
            throw .limitReached("Too many open streams")
        case .occupied, .unknownEvent, .gone:
            throw EndpointRefusal(.serviceUnavailable, steps.supervisor.cannotStart, retryAfter: 10)
        }
    }

    private func post(
        _ request: HTTPRequest, _ body: HTTPRequestBody, _ caller: MCPEndpoint.Caller
    ) async throws(EndpointRefusal) -> HTTPResponse {
        let session = try session(request, caller)
        let content = try await steps.read(request, body, needsAccept: false)
        let payload = try steps.envelope(content, of: request)
        try steps.checkAccess(caller, steps.server.requiredScopes, payload, request)
        guard case .single(let message) = payload else { throw .badRequest("This protocol version has no batches") }
        guard VersionClaim(header: nil, message: message).era == .legacy else {
            throw .badRequest("This transport is of a revision that claims none", id: message.exactID)
        }
        let record = steps.record(message, request)
        switch await session.take(message, for: caller.principal, record: record) {
        case .accepted: return HTTPResponse(status: .accepted)
        case .outOfOrder: throw .badRequest("initialize comes first, and once", id: message.exactID)
        case .forbidden(let missing):
            throw steps.forbidden(
                missing, JSONRPCError.insufficientScope(missing).response(to: message.exactID), caller)
        case .unsolicited: throw .badRequest("Nothing was asked under this id")
        case .limitReached: throw .limitReached("Too many calls in flight")
        case .gone: throw .sessionNotFound
        }
    }

    private func session(_ request: HTTPRequest, _ caller: MCPEndpoint.Caller) throws(EndpointRefusal) -> LegacySession
    {
        guard let parameters = try? request.queryParameters(), parameters.values(Self.parameter).count == 1,
            let id = parameters.values(Self.parameter).first
        else { throw .badRequest("\(Self.parameter) is missing in the query") }
        guard
            let session = steps.directory.session(
                SessionID(Array(id.utf8)[...]), of: caller.principal, at: steps.server.name, client: .eventChannel)
        else { throw .sessionNotFound }
        return session
    }
}

/// Where the event channel of a server stands: beside its endpoint.
package struct EventChannelPaths: Sendable, Hashable {
    /// GET: the stream.
    package let stream: String
    /// POST: what clients say.
    package let messages: String

    /// For an endpoint at `path`; nil where it has no place beside it.
    package init?(besides path: String) {
        guard path.hasSuffix("/mcp") else { return nil }
        let place = path.dropLast("mcp".count)
        stream = place + "sse"
        messages = place + "messages"
    }
}
