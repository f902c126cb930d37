import AsyncIO
import HTTP
import JSON
import MCP
import OAuth
import Telemetry

// The steps of a request, in their order; the ninth is `+Modern`, the tenth `+Call`.
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
        if let account = request.account {
            account.details.server = server.name
            account.details.user = principal.user.value
            account.details.client = principal.client.value
        }
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
        guard quota.admitsCall else {
            quota.refusedCall()
            throw .limitReached("Too many calls in flight")
        }
    }

    /// The same for the rest of a batch, which comes whole or not at all: to wait would not help one that is too long.
    func checkRate(
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
    func envelope(_ content: [UInt8], of request: HTTPRequest) throws(EndpointRefusal) -> JSONRPCPayload {
        let document: JSONDocument
        do throws(JSONSyntaxError) {
            document = try JSONDocument(parsing: content)
        } catch {
            throw EndpointRefusal(.badRequest, JSONRPCError(.parseError, "Parse error: \(error.description)"))
        }
        do throws(JSONRPCError) {
            let payload = try JSONRPCPayload(document)
            if let account = request.account { Self.note(payload, in: account) }
            return payload
        } catch {
            throw EndpointRefusal(.badRequest, error, id: document.root["id"].flatMap { JSONRPCID($0) })
        }
    }

    private static func note(_ payload: JSONRPCPayload, in account: RequestAccount) {
        switch payload {
        case .batch: account.details.call = "batch"
        case .single(let message):
            account.details.call = message.method?.string
            if message.isMethod("tools/call") { account.details.tool = message.params?["name"]?.string }
        }
    }

    /// 6. Which era the request is of. A legacy header only has to be known (c52): the session knows its version.
    func claim(_ request: HTTPRequest, _ payload: JSONRPCPayload?) throws(EndpointRefusal) -> VersionClaim {
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

    /// The same for what was sent, of whose calls the trail keeps that they were refused.
    func checkAccess(
        _ caller: Caller, _ required: [String], _ payload: JSONRPCPayload, _ request: HTTPRequest
    ) throws(EndpointRefusal) {
        do throws(EndpointRefusal) {
            try checkAccess(caller, required)
        } catch {
            let subject = GatewayObserver.subject(caller.principal, server.name)
            for message in payload.messages(upTo: limits.batchMessages) {
                if let record = record(message, request) { surroundings.observer.denied(record, subject) }
            }
            throw error
        }
    }

    private var surroundings: LegacySession.Surroundings { supervisor.surroundings }

    /// Whoever comes too often is in the trail, with a count.
    func noteLimit(_ response: HTTPResponse, of principal: Principal?, _ request: HTTPRequest) {
        guard audits, response.status == .tooManyRequests, let principal else { return }
        tally.note(
            .requestsLimited, .denied, GatewayObserver.subject(principal, server.name),
            remoteAddress: request.remoteAddressText)
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

    func session(of caller: Caller) throws(EndpointRefusal) -> LegacySession {
        switch caller.session {
        case .none: throw .badRequest("Mcp-Session-Id is missing")
        case .unknown: throw .sessionNotFound
        case .found(let session): return session
        }
    }
}

extension JSONRPCPayload {
    /// The messages, as far as they can be read.
    fileprivate func messages(upTo limit: Int) -> [JSONRPCMessage] {
        switch self {
        case .single(let message): [message]
        case .batch(let array): array.elements.prefix(limit).compactMap { try? JSONRPCMessage(ofClient: $0) }
        }
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
