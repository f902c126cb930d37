import AsyncIO
import HTTP
import OAuth

/// The loopback address to which the browser returns with the code (RFC 8252 §7.3). Takes one answer.
final class LoopbackReceiver: Sendable {
    /// What the authorization server sent along.
    struct Answer: Sendable {
        var code: String?
        var error: String?
        var issuer: String?
    }

    private static let path = "/callback"

    /// `http://127.0.0.1:PORT/callback`.
    let redirectURI: String
    private let server: HTTPServer
    private let group: EventLoopGroup
    private let inbox: LoopbackInbox

    private init(server: HTTPServer, group: EventLoopGroup, inbox: LoopbackInbox, port: Int) {
        self.server = server
        self.group = group
        self.inbox = inbox
        redirectURI = "http://127.0.0.1:\(port)\(Self.path)"
    }

    /// Listens, on the port of the last registration where it is free.
    static func open(preferring last: String?) async throws(ProviderFailure) -> LoopbackReceiver {
        let group = EventLoopGroup(count: 1)
        let inbox = LoopbackInbox()
        var router = HTTPRouter()
        router.on(.get, path) { request, _ in receive(request, inbox) }
        var configuration = HTTPServerConfiguration()
        // The browser has said what it had to say.
        configuration.courtesy = .zero
        let server = HTTPServer(configuration: configuration, group: group, responder: router)
        let preferred = last.flatMap { try? HTTPURL($0) }?.port
        for port in [preferred, 0].compactMap(\.self) {
            guard let address = try? SocketAddress(ip: "127.0.0.1", port: port),
                let bound = try? await server.start(on: address)
            else { continue }
            return LoopbackReceiver(server: server, group: group, inbox: inbox, port: bound.port)
        }
        group.shutdown()
        throw ProviderFailure(.unavailable, "there is no port on 127.0.0.1 to listen on")
    }

    /// Waits for the browser to come back with `state`.
    func answer(to state: String, within limit: Duration) async throws(ProviderFailure) -> Answer {
        let (inbox, timer) = (inbox, group.loops[0])
        inbox.expect(state)
        let answer = await withTaskGroup(of: Answer?.self) { tasks in
            tasks.addTask { await inbox.next() }
            tasks.addTask {
                try? await timer.sleep(for: limit)  // cancelled: the answer is there
                return nil
            }
            let first = await tasks.next() ?? nil
            tasks.cancelAll()
            return first
        }
        guard let answer else { throw ProviderFailure(.rejected, "nobody logged in within \(limit)") }
        return answer
    }

    func close() async {
        await server.drain(within: .milliseconds(500))
        let group = group
        // Its thread is waited for, so not on a loop.
        _ = BlockingExecutor.shared.submit { group.shutdown() }
    }

    private static func receive(_ request: HTTPRequest, _ inbox: LoopbackInbox) -> HTTPResponse {
        let state: String
        let answer: Answer
        do {
            let parameters = try request.queryParameters()
            state = try parameters.unique("state") ?? ""
            answer = Answer(
                code: try parameters.unique("code"), error: try parameters.unique("error"),
                issuer: try parameters.unique("iss"))
        } catch {
            return .text(.badRequest, "This is not an answer of an authorization server: \(error)")
        }
        guard inbox.take(answer, state: state) else {
            return .text(.badRequest, "This is not the login that is waited for.")
        }
        return .text(.ok, answer.code == nil ? "The login was not completed." : "You are logged in. Close this tab.")
    }
}
