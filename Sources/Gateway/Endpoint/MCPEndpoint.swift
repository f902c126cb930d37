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
    /// Nil where the trail says nothing of arguments.
    let arguments: ArgumentRecord?
    let tracer: Tracer?

    init(
        server: ServerDefinition, supervisor: ServerSupervisor, bridge: BridgePool, states: RequestStates,
        tasks: TaskHandles, directory: SessionDirectory, quotas: PrincipalQuotas, rates: RequestRates?,
        limits: GatewayLimits, pages: CrossOriginPolicy, authentication: BearerAuthentication, audits: Bool,
        arguments: ArgumentRecord?, tracer: Tracer?
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
        var response: HTTPResponse
        do throws(EndpointRefusal) {
            let place = try admit(request)
            page = place.page
            switch request.method {
            case .get: response = try await get(request, place.own)
            case .head: response = try await head(request, place.own)
            case .delete: response = try await delete(request, place.own)
            default: response = try await post(request, body, place.own)
            }
        } catch {
            response = error.response
        }
        pages.expose(&response, to: page)
        return response
    }

    private func post(
        _ request: HTTPRequest, _ body: HTTPRequestBody, _ origin: ServerOrigin  // 1 Host and Origin: `admit`
    ) async throws(EndpointRefusal) -> HTTPResponse {
        let caller = try await identify(request, origin)  // 2 bearer token
        try checkRate(caller, request)  // 3 rate limit
        let content = try await read(request, body)  // 4 body up to the limit
        let payload = try envelope(content)  // 5 JSON-RPC envelope
        if case .batch(let batch) = payload { try checkRate(caller, request, ofBatch: batch.count) }
        let claim = try claim(request, payload)  // 6 era, headers against body
        let target = supervisor  // 7 catalog: one server here, names untouched
        try checkAccess(caller, target.server.requiredScopes)  // 8 access policy
        if claim.era == .modern {  // 9 era bridge: every server presents itself as a legacy one
            return try await bridged(payload, caller, request)
        }
        return try await call(target, payload, caller, request)  // 10 upstream call
    }

    private static var methodNotAllowed: HTTPResponse {
        HTTPResponse(status: .methodNotAllowed, fields: ["Allow": "DELETE, GET, OPTIONS, POST"])
    }

    private func get(_ request: HTTPRequest, _ origin: ServerOrigin) async throws(EndpointRefusal) -> HTTPResponse {
        let caller = try await identify(request, origin)
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

    /// Some clients ask this way for the challenge (Gemini CLI). With a token there is nothing to say: a stream without
    /// content would take the place of a real one.
    private func head(_ request: HTTPRequest, _ origin: ServerOrigin) async throws(EndpointRefusal) -> HTTPResponse {
        _ = try await identify(request, origin)
        return Self.methodNotAllowed
    }

    private func delete(_ request: HTTPRequest, _ origin: ServerOrigin) async throws(EndpointRefusal) -> HTTPResponse {
        let caller = try await identify(request, origin)
        _ = try claim(request, nil)
        let session = try session(of: caller)
        await session.finish(.deleted)
        return HTTPResponse(status: .noContent)
    }
}

/// `MCP-Protocol-Version`; noted for requests with the same head.
private final class VersionHeader: Sendable {
    let value: ArraySlice<UInt8>?
    let isRepeated: Bool

    private init(_ fields: HTTPFields) {
        value = fields.bytes("mcp-protocol-version")
        isRepeated = fields.count(of: "mcp-protocol-version") > 1
    }

    static func of(_ request: HTTPRequest) -> VersionHeader {
        request.memory?.note { VersionHeader(request.fields) } ?? VersionHeader(request.fields)
    }
}

// MARK: - The steps

extension MCPEndpoint {
    /// 1. Host and Origin: 421, 403.
    func admit(_ request: HTTPRequest) throws(EndpointRefusal) -> (own: ServerOrigin, page: String?) {
        do throws(HostRefusal) {
            return try pages.admit(request)
        } catch {
            throw EndpointRefusal(error.response)
        }
    }

    /// 2. The principal, and the session that it names.
    func identify(_ request: HTTPRequest, _ origin: ServerOrigin) async throws(EndpointRefusal) -> Caller {
        let principal = try await authentication.principal(of: request, at: origin)
        return Caller(origin: origin, principal: principal, session: lookUp(request, principal))
    }

    private func lookUp(_ request: HTTPRequest, _ principal: Principal) -> SessionLookup {
        switch SessionID.named(by: request) {
        case .none: return .none
        case .unreadable: return .unknown
        case .one(let id): return directory.session(id, of: principal, at: server.name).map { .found($0) } ?? .unknown
        }
    }

    /// 3. How often somebody may come, and what one principal may have in flight: 429 (O05, M10).
    func checkRate(_ caller: Caller, _ request: HTTPRequest, of count: Int = 1) throws(EndpointRefusal) {
        if let rates, count > 0,
            let seconds = rates.take(caller.principal, request.remoteAddress, server.name, count: count)
        {
            throw EndpointRefusal(
                .tooManyRequests, JSONRPCError(.limitReached, "Too many requests"), retryAfter: seconds)
        }
        let quota: PrincipalQuota
        if case .found(let session) = caller.session {
            quota = session.quota
        } else {
            quota = quotas.quota(for: caller.principal)
        }
        guard quota.admitsCall else { throw .limitReached("Too many calls in flight") }
    }

    /// The same for the rest of a batch, which comes whole or not at all: to wait would not help one that is too long.
    private func checkRate(
        _ caller: Caller, _ request: HTTPRequest, ofBatch count: Int
    ) throws(EndpointRefusal) {
        guard let rates else { return }
        guard count <= rates.most else {
            throw .badRequest("A batch of \(count) messages is more than the \(rates.most) that may come in a minute")
        }
        try checkRate(caller, request, of: count - 1)
    }

    /// 4. The body: 406, 415, 413.
    func read(
        _ request: HTTPRequest, _ body: HTTPRequestBody, needsAccept: Bool = true
    ) async throws(EndpointRefusal) -> [UInt8] {
        let types = MediaTypes.ofPost(request)
        guard !needsAccept || types.acceptsBoth else {
            throw EndpointRefusal(
                .notAcceptable,
                JSONRPCError(.invalidRequest, "Accept must allow application/json and text/event-stream"))
        }
        guard types.isJSON else {
            throw EndpointRefusal(
                .unsupportedMediaType, JSONRPCError(.invalidRequest, "Content-Type must be application/json"))
        }
        // Nothing to wait for costs no suspension.
        if let whole = body.collectAtOnce(upTo: limits.requestBytes) { return whole }
        do throws(HTTPBodyError) {
            return try await body.collect(upTo: limits.requestBytes)
        } catch {
            if error == .tooLarge {
                throw EndpointRefusal(
                    .contentTooLarge, JSONRPCError(.invalidRequest, "Longer than \(limits.requestBytes) bytes"))
            }
            throw .badRequest("The content ended early")
        }
    }

    /// 5. One scan; parameters stay bytes.
    func envelope(_ content: [UInt8]) throws(EndpointRefusal) -> JSONRPCPayload {
        let document: JSONDocument
        do throws(JSONSyntaxError) {
            document = try JSONDocument(parsing: content)
        } catch {
            throw EndpointRefusal(.badRequest, JSONRPCError(.parseError, "Parse error: \(error.description)"))
        }
        do throws(JSONRPCError) {
            return try JSONRPCPayload(document)
        } catch {
            throw EndpointRefusal(.badRequest, error, id: document.root["id"].flatMap { JSONRPCID($0) })
        }
    }

    /// 6. Which era the request is of. A legacy header only has to be known (c52): the session knows its version.
    private func claim(_ request: HTTPRequest, _ payload: JSONRPCPayload?) throws(EndpointRefusal) -> VersionClaim {
        let header = VersionHeader.of(request)
        var message: JSONRPCMessage?
        if case .single(let single)? = payload { message = single }
        guard !header.isRepeated else {
            guard let message, ModernRequestHeaders.claim(of: message) != nil else {
                throw .badRequest("MCP-Protocol-Version is repeated")
            }
            // c11.
            let error = JSONRPCError(.headerMismatch, "MCP-Protocol-Version is repeated")
            throw EndpointRefusal(.badRequest, error, id: message.exactID)
        }
        let claim = VersionClaim(header: header.value, message: message)
        if payload == nil, case .modern(let name) = claim {
            // GET and DELETE belong to the legacy era (c20).
            guard !ProtocolVersion.modern.contains(where: { $0.rawValue == name }) else {
                throw EndpointRefusal(Self.methodNotAllowed)
            }
            throw EndpointRefusal(.badRequest, .unsupportedVersion(name))
        }
        return claim
    }

    /// 8. Denied and unknown look alike; what a token lacks it is told.
    func checkAccess(_ caller: Caller, _ required: [String]) throws(EndpointRefusal) {
        guard !required.isEmpty else { return }
        let missing = required.filter { !caller.principal.scope.tokens.contains($0) }
        guard missing.isEmpty else {
            throw authentication.insufficientScope(required, at: caller.origin)
        }
    }

    /// The same by the access policy, where nothing is called.
    func checkUse(_ caller: Caller) throws(EndpointRefusal) {
        guard let missing = supervisor.missingScopes(of: caller.principal) else { return }
        throw forbidden(missing, JSONRPCError.insufficientScope(missing).response(to: nil), caller)
    }

    /// 403 with everything that is missing, and with what the token has, so that a client that asks for these scopes loses
    /// none (b6).
    func forbidden(_ missing: [String], _ text: [UInt8], _ caller: Caller) -> EndpointRefusal {
        var scopes = caller.principal.scope.tokens
        for scope in missing where !scopes.contains(where: { $0.utf8.elementsEqual(scope.utf8) }) {
            scopes.append(scope)
        }
        var refusal = authentication.insufficientScope(scopes, at: caller.origin)
        let challenges = refusal.response.fields.values("www-authenticate")
        refusal.response = .json(.forbidden, text)
        refusal.response.fields.append("Cache-Control", "no-store")
        for challenge in challenges { refusal.response.fields.append("WWW-Authenticate", challenge) }
        return refusal
    }

    private func session(of caller: Caller) throws(EndpointRefusal) -> LegacySession {
        switch caller.session {
        case .none: throw .badRequest("Mcp-Session-Id is missing")
        case .unknown: throw .sessionNotFound
        case .found(let session): return session
        }
    }
}
