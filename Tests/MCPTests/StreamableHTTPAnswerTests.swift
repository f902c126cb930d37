import HTTP
import JSON
import Synchronization
import TestSupport
import Testing

@testable import MCP

/// Where answers of a client go when sessions of its server come and go.
@Suite(.timeLimit(.minutes(1))) struct StreamableHTTPAnswerTests {
    private typealias Stage = StreamableHTTPClientTests.Stage

    /// Holds up requests until the test goes on.
    private final class Gate: RequestAuthorizer {
        private struct State {
            /// Whether the next requests are held up; those after them are not.
            var turns: [Bool] = []
            var waiting: [CheckedContinuation<Void, Never>] = []
        }
        private let state = Mutex(State())

        func shut(_ turns: [Bool] = [true]) { state.withLock { $0.turns = turns } }

        func authorization() async -> String? {
            guard state.withLock({ $0.turns.isEmpty ? false : $0.turns.removeFirst() }) else { return nil }
            await withCheckedContinuation { continuation in state.withLock { $0.waiting.append(continuation) } }
            return nil
        }

        func renew(after refusal: AuthorizationRefusal) -> Bool { false }

        /// Returns when so many requests are held up.
        func holds(_ count: Int = 1) async throws {
            try await eventuallyTrue("\(count) requests") { state.withLock { $0.waiting.count == count } }
        }

        /// Lets the one go that came first.
        func open() { state.withLock { $0.waiting.removeFirst() }.resume() }
    }

    /// A server that asks something under the number 5 on each tool call, and forgets the session `s1` when it is told to.
    private static func asking(_ authorizer: any RequestAuthorizer, _ isForgotten: Ledger<Void>) async throws -> Stage {
        let sessions = Mutex(0)
        return try await Stage(authorizer: authorizer) { request, message in
            guard request.method == .post else { return HTTPResponse(status: .methodNotAllowed) }
            if message?["method"]?.equals("initialize") == true {
                return StreamableHTTPClientTests.hello("s\(sessions.withLock { $0 += 1; return $0 })")
            }
            if request.fields["mcp-session-id"] == "s1", isForgotten.count > 0 { return .text(.notFound, "gone") }
            guard message?["id"] != nil, message?["method"] != nil else { return HTTPResponse(status: .accepted) }
            guard message?["method"]?.equals("tools/call") == true else {
                return StreamableHTTPClientTests.json(StreamableHTTPClientTests.result(message, "{}"))
            }
            let question = #"{"jsonrpc":"2.0","id":5,"method":"elicitation/create"}"#
            return StreamableHTTPClientTests.events(
                [question, StreamableHTTPClientTests.result(message, "{}")].map {
                    ServerSentEvent(data: Array($0.utf8))
                })
        }
    }

    private static let reply = #"{"jsonrpc":"2.0","id":5,"result":{}}"#

    @Test("M05, d8: an answer goes to the session that asked, once, and to no other that asked under its number")
    func answers() async throws {
        let isForgotten = Ledger<Void>()
        let stage = try await Self.asking(FixedAuthorization(nil), isForgotten)
        await stage.begin()
        func answered(_ session: String) -> Int { stage.seen.all.count { $0 == "POST  \(session)" } }
        func call(_ id: Int) async throws {
            await stage.send("{\"jsonrpc\":\"2.0\",\"id\":\(id),\"method\":\"tools/call\"}")
            _ = try await stage.answer("\(id)")
        }
        await stage.send(Self.reply)
        try await call(11)
        for _ in 0..<2 { await stage.send(Self.reply) }
        try await eventuallyTrue("the answer to arrive") { answered("s1") == 1 }
        try await call(12)
        isForgotten.record(())
        await stage.send(#"{"jsonrpc":"2.0","id":13,"method":"ping"}"#)
        #expect(try await stage.answer("13").contains("result"))
        await stage.send(Self.reply)
        try await call(14)
        try await eventuallyTrue("nothing to be on its way") { await stage.client.errands.isEmpty }
        #expect(answered("s1") == 1 && answered("s2") == 0, "\(stage.seen.all)")
        for _ in 0..<2 { await stage.send(Self.reply) }
        try await eventuallyTrue("the answer to arrive") { answered("s2") > 0 }
        try await eventuallyTrue("nothing to be on its way") { await stage.client.errands.isEmpty }
        #expect(answered("s1") == 1 && answered("s2") == 1, "\(stage.seen.all)")
        await stage.close()
    }

    @Test("M05, d8: an answer that is on its way when its session ends goes to no other")
    func lateAnswers() async throws {
        let (gate, isForgotten) = (Gate(), Ledger<Void>())
        let stage = try await Self.asking(gate, isForgotten)
        await stage.begin()
        await stage.send(#"{"jsonrpc":"2.0","id":11,"method":"tools/call"}"#)
        _ = try await stage.answer("11")
        gate.shut()
        await stage.send(Self.reply)
        try await gate.holds()
        isForgotten.record(())
        await stage.send(#"{"jsonrpc":"2.0","id":12,"method":"ping"}"#)
        #expect(try await stage.answer("12").contains("result"), "in the next session")
        gate.open()
        try await eventuallyTrue("nothing to be on its way") { await stage.client.errands.isEmpty }
        #expect(!stage.seen.all.contains { $0.hasPrefix("POST  ") }, "\(stage.seen.all)")
        await stage.close()
    }

    @Test("d8: a request that is on its way while another session is begun waits for that one")
    func between() async throws {
        let (gate, isForgotten) = (Gate(), Ledger<Void>())
        let stage = try await Self.asking(gate, isForgotten)
        await stage.begin()
        gate.shut()
        await stage.send(#"{"jsonrpc":"2.0","id":12,"method":"ping"}"#)
        try await gate.holds()
        isForgotten.record(())
        // The first one finds out that the session is gone; what begins the next one is held up.
        gate.shut([false, true])
        await stage.send(#"{"jsonrpc":"2.0","id":13,"method":"ping"}"#)
        try await gate.holds(2)
        gate.open()
        await stage.send(#"{"jsonrpc":"2.0","id":14,"method":"ping"}"#)
        gate.open()
        for id in 12...14 { #expect(try await stage.answer("\(id)").contains("result")) }
        #expect(!stage.seen.all.contains("POST ping -"), "\(stage.seen.all)")
        await stage.close()
    }
}
