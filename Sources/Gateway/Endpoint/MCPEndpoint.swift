import AsyncIO
import HTTP
import JSON
import MCP
import OAuth
import Telemetry

/// `/{server}/mcp`: Streamable HTTP towards clients.
///
/// ``post(_:_:)`` is the path of every call, as ten steps; a modern call takes the bridge at the ninth. GET and DELETE
/// belong to the legacy era and share the first three.
final class MCPEndpoint: HTTPResponder {
    let server: ServerDefinition
    let supervisor: ServerSupervisor
    let bridge: BridgePool
    let states: RequestStates
    let tasks: TaskHandles
    let directory: SessionDirectory
    let quotas: PrincipalQuotas
    /// Nil where nobody can come too often.
    let rates: RequestRates?
    let limits: GatewayLimits
    let pages: CrossOriginPolicy
    let authentication: BearerAuthentication
    let audits: Bool
    /// Refusals that may come often.
    let tally: AuditTally
    /// Nil where the trail says nothing of arguments.
    let arguments: ArgumentRecord?
    let tracer: Tracer?

    init(
        server: ServerDefinition, supervisor: ServerSupervisor, bridge: BridgePool, states: RequestStates,
        tasks: TaskHandles, directory: SessionDirectory, quotas: PrincipalQuotas, rates: RequestRates?,
        limits: GatewayLimits, pages: CrossOriginPolicy, authentication: BearerAuthentication, audits: Bool,
        tally: AuditTally, arguments: ArgumentRecord?, tracer: Tracer?
    ) {
        self.server = server
        self.supervisor = supervisor
        self.bridge = bridge
        self.states = states
        self.tasks = tasks
        self.directory = directory
        self.quotas = quotas
        self.rates = rates
        self.limits = limits
        self.pages = pages
        self.authentication = authentication
        self.audits = audits
        self.tally = tally
        self.arguments = arguments
        self.tracer = tracer
    }

    /// Who asks, and in which session.
    struct Caller {
        let origin: ServerOrigin
        let principal: Principal
        let session: SessionLookup
    }

    /// What `Mcp-Session-Id` says.
    enum SessionLookup {
        /// Nothing.
        case none
        /// Something that is no session of this principal with this server.
        case unknown
        case found(LegacySession)
    }

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        var page: String?
        var principal: Principal?
        var response: HTTPResponse
        do throws(EndpointRefusal) {
            let place = try admit(request)  // 1 Host and Origin
            page = place.page
            let caller = try await identify(request, place.own)  // 2 bearer token
            principal = caller.principal
            switch request.method {
            case .get: response = try await get(request, caller)
            case .head: response = Self.methodNotAllowed
            case .delete: response = try await delete(request, caller)
            default: response = try await post(request, body, caller)
            }
        } catch {
            response = error.response
            noteLimit(response, of: principal, request)
        }
        pages.expose(&response, to: page)
        return response
    }

    private func post(
        _ request: HTTPRequest, _ body: HTTPRequestBody, _ caller: Caller  // 1, 2: `respond`
    ) async throws(EndpointRefusal) -> HTTPResponse {
        try checkRate(caller, request)  // 3 rate limit
        let content = try await read(request, body)  // 4 body up to the limit
        let payload = try envelope(content, of: request)  // 5 JSON-RPC envelope
        if case .batch(let batch) = payload { try checkRate(caller, request, ofBatch: batch.count) }
        let claim = try claim(request, payload)  // 6 era, headers against body
        let target = supervisor  // 7 catalog: one server here, names untouched
        try checkAccess(caller, target.server.requiredScopes, payload, request)  // 8 access policy
        if claim.era == .modern {  // 9 era bridge: every server presents itself as a legacy one
            return try await bridged(payload, caller, request)
        }
        return try await call(target, payload, caller, request)  // 10 upstream call
    }

    /// Some clients ask by HEAD for the challenge (Gemini CLI). With a token there is nothing to say: a stream without
    /// content would take the place of a real one.
    static var methodNotAllowed: HTTPResponse {
        HTTPResponse(status: .methodNotAllowed, fields: ["Allow": "DELETE, GET, OPTIONS, POST"])
    }

    private func get(_ request: HTTPRequest, _ caller: Caller) async throws(EndpointRefusal) -> HTTPResponse {
        try checkAccess(caller, server.requiredScopes)
        try checkUse(caller)
        guard MediaTypes.acceptsEvents(request.fields) else {
            throw EndpointRefusal(.notAcceptable, JSONRPCError(.invalidRequest, "Accept must allow text/event-stream"))
        }
        _ = try claim(request, nil)
        let session = try session(of: caller)
        let lastEvent = request.fields.bytes("last-event-id")
        switch await session.openStream(lastEvent: lastEvent, for: caller.principal) {
        case .stream(let reader): return EventStreamResponse.make(reader)
        case .occupied:
            throw EndpointRefusal(
                .conflict, JSONRPCError(.invalidRequest, "This session already has an open stream"))
        case .unknownEvent: throw .badRequest("Last-Event-ID is not known in this session")
        case .limitReached: throw .limitReached("Too many open streams")
        case .gone: throw .sessionNotFound
        }
    }

    private func delete(_ request: HTTPRequest, _ caller: Caller) async throws(EndpointRefusal) -> HTTPResponse {
        _ = try claim(request, nil)
        let session = try session(of: caller)
        await session.finish(.deleted)
        return HTTPResponse(status: .noContent)
    }
}
