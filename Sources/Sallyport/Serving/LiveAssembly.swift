import HTTP
import Synchronization

/// What answers requests now. A request that came before a change is answered by what was there then.
final class LiveAssembly: HTTPResponder {
    /// A reference, so that asking for it copies nothing.
    private final class Front: Sendable {
        let responder: any HTTPResponder
        init(_ responder: any HTTPResponder) { self.responder = responder }
    }

    private struct State {
        var assembly: Assembly
        var front: Front
    }

    private let state: Mutex<State>

    init(_ assembly: Assembly) {
        state = Mutex(State(assembly: assembly, front: Front(assembly.front)))
    }

    /// Everything of the configuration that counts now.
    var current: Assembly { state.withLock { $0.assembly } }

    /// Every request from now on is answered by `assembly`.
    func replace(with assembly: Assembly) {
        let front = Front(assembly.front)
        state.withLock { $0 = State(assembly: assembly, front: front) }
    }

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        await state.withLock { $0.front }.responder.respond(to: request, body: body)
    }
}
