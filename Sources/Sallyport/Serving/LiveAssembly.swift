import HTTP
import Synchronization

/// What answers requests now. A request that came before a change is answered by what was there then.
final class LiveAssembly: HTTPResponder {
    /// A reference, so that asking for it copies nothing.
    private final class Front: Sendable {
        let responder: any HTTPResponder
        let addresses: AddressCheck?
        init(_ assembly: Assembly) { (responder, addresses) = (assembly.front, assembly.addresses) }
    }

    private struct State {
        var assembly: Assembly
        var front: Front
    }

    private let state: Mutex<State>
    /// Nil where nothing bounds the memory.
    private let pressure: MemoryPressure?

    init(_ assembly: Assembly, under pressure: MemoryPressure? = nil) {
        self.pressure = pressure
        state = Mutex(State(assembly: assembly, front: Front(assembly)))
    }

    /// Everything of the configuration that counts now.
    var current: Assembly { state.withLock { $0.assembly } }

    /// Every request from now on is answered by `assembly`.
    func replace(with assembly: Assembly) {
        let front = Front(assembly)
        state.withLock { $0 = State(assembly: assembly, front: front) }
    }

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        guard let front = front(for: request) else {
            var response = HTTPResponse.text(
                .serviceUnavailable, "There is no memory for requests now; try again later.")
            response.fields.append("Retry-After", "1")
            return response
        }
        let response = await front.responder.respond(to: request, body: body)
        front.addresses?.note(request, response.status)
        return response
    }

    /// Nil where there is no memory for the request, and where its answer is looked at.
    func successor(for request: inout HTTPRequest) -> (any HTTPResponder)? {
        guard let front = front(for: request), front.addresses == nil else { return nil }
        return front.responder
    }

    /// Nil where there is no memory for the request.
    private func front(for request: HTTPRequest) -> Front? {
        if let pressure, pressure.level != .calm, !OperationEndpoints.paths.contains(request.path) { return nil }
        return state.withLock { $0.front }
    }
}
