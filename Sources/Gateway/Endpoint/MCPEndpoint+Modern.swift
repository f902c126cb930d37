import HTTP
import JSON
import MCP
import OAuth

// Steps 9 and 10 for a client of 2026-07-28 and a server of the legacy era.
extension MCPEndpoint {
    /// The rest of the ladder (c19): one message, its envelope, the header fields that mirror it, its revision; then what
    /// the method wants.
    func bridged(
        _ payload: JSONRPCPayload, _ caller: Caller, _ request: HTTPRequest
    ) async throws(EndpointRefusal) -> HTTPResponse {
        guard case .single(let message) = payload else { throw .badRequest("This protocol version has no batches") }
        guard let id = message.exactID else {
            // There is nothing that a notification could do: closing the response cancels (c10, c21).
            guard message.kind == .notification else { throw .badRequest("Nothing was asked under this id") }
            return HTTPResponse(status: .accepted)
        }
        guard message.kind == .request else { throw .badRequest("Nothing was asked under this id") }
        do {
            let envelope = try ModernEnvelope(message)
            try MirroredHeaders.check(request.fields, message, envelope)
            guard ProtocolVersion.modern.contains(where: { $0.rawValue == envelope.version }) else {
                throw JSONRPCError.unsupportedVersion(envelope.version)
            }
            let method = MCPMethod(message.method)
            // What MCP does not define may be an extension's; the session knows whether its server takes it.
            guard method.isModern || method == .other else { throw JSONRPCError.unknownMethod }
            let modern = LegacySession.ModernRequest(
                message: message, id: id, method: method, envelope: envelope, fields: request.fields,
                principal: caller.principal)
            return try response(
                await outcome(of: modern, record(message, request), request), caller)
        } catch let error as JSONRPCError {
            throw EndpointRefusal(ModernMessage.Answer(error, to: id).status, error, id: id)
        } catch let refusal as EndpointRefusal {
            throw refusal
        } catch {
            throw EndpointRefusal(.internalServerError, JSONRPCError(.internalError, "The call failed"), id: id)
        }
    }

    private func outcome(
        of given: LegacySession.ModernRequest, _ record: CallRecord?, _ head: HTTPRequest
    ) async throws -> CallOutcome {
        var request = given
        if let text = request.message.params?["requestState"] {
            guard request.method.mayAskClient, let bytes = text.stringBytes,
                let state = states.open(
                    bytes, for: request.principal, at: server.name, digest: RequestDigest.make(request.message))
            else { throw JSONRPCError.badState }
            if let relayed = state.relayed {
                // Any process of the server will do, but the one that asked may know more.
                request.relayedState = relayed
                let session = directory.session(
                    state.session, of: request.principal, at: server.name, client: .bridged)
                if let session {
                    let outcome = await session.submit(request, lease: BridgeLease(session) {}, record: record)
                    if case .gone = outcome {} else { return outcome }
                }
            } else if state.call > 0 {
                guard
                    let session = directory.session(
                        state.session, of: request.principal, at: server.name, client: .bridged)
                else { throw JSONRPCError.lostCall }
                return await session.resume(request, state)
            }
        }
        if request.method.isOfTask, let name = request.message.params?["taskId"]?.stringBytes,
            let task = tasks.open(name, for: request.principal, at: server.name)
        {
            request.task = task
            // A server of one process knows the tasks that it made itself.
            let session = directory.session(task.session, of: request.principal, at: server.name, client: .bridged)
            if let session {
                let outcome = await session.submit(request, lease: BridgeLease(session) {}, record: record)
                if case .gone = outcome {} else { return outcome }
            }
        }
        let filter = request.method == .subscriptionsListen ? try ListenFilter(request.message.params) : nil
        // A session that ends in between has not seen the request.
        for _ in 0..<3 {
            let outcome = try await attempt(request, filter, record, head)
            if case .gone = outcome { continue }
            return outcome
        }
        throw JSONRPCError(.internalError, "The server \"\(server.name)\" ends before it can be called")
    }

    private func attempt(
        _ request: LegacySession.ModernRequest, _ filter: ListenFilter?, _ record: CallRecord?, _ head: HTTPRequest
    ) async throws -> CallOutcome {
        let key = BridgePool.Key(request.principal, request.envelope)
        let asks = request.method.mayAskClient && !key.capabilities.isEmpty
        let lease: BridgeLease
        do throws(BridgeRefusal) {
            lease = try await bridge.lease(
                key, isExclusive: asks || request.envelope.logLevel != nil, request.envelope, request: head.id)
        } catch {
            if case .spawn(.forbidden) = error { noteDenied(request, record, head) }
            return try refused(error, request)
        }
        if let filter { return await lease.session.listen(request, filter) }
        if request.method == .serverDiscover {
            return await lease.session.discover(request, lease: lease)
        }
        return await lease.session.submit(request, lease: lease, record: record)
    }

    /// Nothing of the server is for this principal.
    private func noteDenied(_ request: LegacySession.ModernRequest, _ record: CallRecord?, _ head: HTTPRequest) {
        let observer = supervisor.surroundings.observer
        if let record, record.isAudited {
            return observer.denied(record, GatewayObserver.subject(request.principal, server.name))
        }
        observer.denied(sessionOf: request.principal, with: server.name, head)
    }

    private func refused(_ refusal: BridgeRefusal, _ request: LegacySession.ModernRequest) throws -> CallOutcome {
        switch refusal {
        case .spawn(.forbidden(let missing)):
            return .forbidden(missing, JSONRPCError.insufficientScope(missing).response(to: request.id))
        case .spawn(let refusal): throw EndpointRefusal.spawn(refusal, id: request.id)
        case .server(let message):
            return .answer(ModernMessage.response(message, id: request.id, method: .initialize, serverInfo: nil))
        case .busy: throw EndpointRefusal.limitReached("Too many calls wait for an answer of their user")
        case .gone: return .detached
        }
    }
}

extension ModernMessage.Answer {
    /// The status in HTTP: unknown methods and wrong parameters have one of their own (c17, c18).
    var status: HTTPStatus {
        switch error {
        case .methodNotFound?: .notFound
        case .invalidParams?, .invalidRequest?, .headerMismatch?, .missingClientCapability?,
            .unsupportedProtocolVersion?:
            .badRequest
        default: .ok
        }
    }
}
