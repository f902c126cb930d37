import AsyncIO
import Foundation
import HTTP
import JSON
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import MCP

/// The client's side of Streamable HTTP against servers that break.
@Suite(.timeLimit(.minutes(1))) struct StreamableHTTPClientTests {
    /// A server that answers as a test says, a client of it, and what the client delivered.
    final class Stage: Sendable {
        static let group = EventLoopGroup(count: 1)
        let client: StreamableHTTPClient
        let delivered = Ledger<String>()
        let seen: Ledger<String>
        private let server: HTTPServer

        init(
            authorizer: any RequestAuthorizer = FixedAuthorization(nil),
            _ answer: @escaping @Sendable (_ request: HTTPRequest, _ message: JSONNode?) -> HTTPResponse
        ) async throws {
            let seen = Ledger<String>()
            self.seen = seen
            server = HTTPServer(
                group: Self.group,
                responder: HTTPHandler { request, body in
                    let content = (try? await body.collect(upTo: 1 << 20)) ?? []
                    let message = try? JSONDocument(parsing: content).root
                    let session = request.fields["mcp-session-id"] ?? "-"
                    seen.record("\(request.method.rawValue) \(message?["method"]?.string ?? "") \(session)")
                    return answer(request, message)
                })
            let address = try await server.start(on: try SocketAddress(ip: "127.0.0.1", port: 0))
            let delivered = delivered
            let policy = EgressPolicy(
                addresses: .any, allowsPlainHTTP: true, maximumBodyBytes: nil, totalTimeout: nil)
            client = StreamableHTTPClient(
                endpoint: try HTTPURL("http://127.0.0.1:\(address.port)/mcp"),
                http: HTTPClient(on: Self.group.loops[0], policy: policy), authorizer: authorizer,
                logger: Logger(label: "test")
            ) { delivered.record(String(decoding: $0, as: UTF8.self)) }
        }

        func send(_ text: String) async { await client.accept(Array(text.utf8)) }

        func begin() async {
            await send(#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#)
            await send(#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
        }

        /// What was delivered to the request with this id.
        func answer(_ id: String) async throws -> String {
            try await eventually("the answer to \(id); delivered: \(delivered.all)") {
                delivered.all.first { $0.contains("\"id\":\(id),") || $0.contains("\"id\":\(id)}") }
            }
        }

        func close() async {
            await client.close(within: .zero)
            await server.drain(within: .zero)
        }
    }

    static func json(_ text: String, _ fields: HTTPFields = [:]) -> HTTPResponse {
        var response = HTTPResponse.json(.ok, Array(text.utf8))
        for (name, value) in fields {
            if let name = HTTPFieldName(validating: name) { response.fields.append(name, value) }
        }
        return response
    }

    static func events(_ events: [ServerSentEvent]) -> HTTPResponse {
        HTTPResponse(
            status: .ok, fields: ["Content-Type": "text/event-stream"],
            body: .bytes(events.flatMap { $0.encoded() }))
    }

    static func hello(_ session: String) -> HTTPResponse {
        json(#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25"}}"#, ["Mcp-Session-Id": session])
    }

    static func result(_ message: JSONNode?, _ text: String) -> String {
        "{\"jsonrpc\":\"2.0\",\"id\":\(String(decoding: message?["id"]?.bytes ?? [], as: UTF8.self)),\"result\":\(text)}"
    }

    @Test("d8: a session that the server forgot is begun again once, and what it did not take is sent again")
    func forgottenSession() async throws {
        let sessions = Mutex(0)
        let stage = try await Stage { request, message in
            guard request.method == .post else { return HTTPResponse(status: .methodNotAllowed) }
            if message?["method"]?.equals("initialize") == true {
                return Self.hello("s\(sessions.withLock { $0 += 1; return $0 })")
            }
            if message?["id"] == nil { return HTTPResponse(status: .accepted) }
            if request.fields["mcp-session-id"] == "s1" { return .text(.notFound, "gone") }
            return Self.json(Self.result(message, "{}"))
        }
        await stage.begin()
        await withTaskGroup(of: Void.self) { group in
            for id in 1...20 {
                group.addTask { await stage.send("{\"jsonrpc\":\"2.0\",\"id\":\(id),\"method\":\"ping\"}") }
            }
        }
        for id in 1...20 { #expect(try await stage.answer("\(id)").contains("\"result\":{}")) }
        #expect(sessions.withLock { $0 } == 2)
        // The handshake's second answer is ours alone.
        #expect(stage.delivered.all.count == 21)
        await stage.close()
        #expect(stage.seen.all.contains("DELETE  s2"))
    }

    @Test("c54: a stream that breaks is resumed behind its last event")
    func resumption() async throws {
        let stage = try await Stage { request, message in
            if message?["method"]?.equals("initialize") == true { return Self.hello("s") }
            if request.method == .get {
                guard request.fields["last-event-id"] == "e1" else { return HTTPResponse(status: .methodNotAllowed) }
                return Self.events([
                    ServerSentEvent(id: "e2", data: Array(#"{"jsonrpc":"2.0","id":7,"result":{"late":true}}"#.utf8))
                ])
            }
            if message?["id"] == nil { return HTTPResponse(status: .accepted) }
            return Self.events([
                ServerSentEvent(
                    id: "e1", data: Array(#"{"jsonrpc":"2.0","method":"notifications/x"}"#.utf8), retry: 20)
            ])
        }
        await stage.begin()
        await stage.send(#"{"jsonrpc":"2.0","id":7,"method":"tools/call"}"#)
        #expect(try await stage.answer("7").contains("late"))
        #expect(stage.delivered.all.filter { $0.contains("notifications/x") }.count == 1)
        await stage.close()
    }

    @Test(
        "a request always gets an answer, in the server's words where it has some",
        arguments: [
            (400, #"{"jsonrpc":"2.0","id":7,"error":{"code":-32022,"message":"version"}}"#, "-32022"),
            (404, #"{"jsonrpc":"2.0","id":null,"error":{"code":-32601,"message":"no such method"}}"#, "-32601"),
            (500, "oops", "500"), (200, "<html>", "not JSON"), (302, "", "302"),
            (200, #"{"jsonrpc":"2.0","id":8,"result":{}}"#, "something else"), (200, "{}", "something else"),
            (200, #"{"jsonrpc":"2.0","id":"7","result":{}}"#, "something else"), (200, "[]", "something else"),
            (200, #"{"jsonrpc":"2.0","id":7,"method":"roots/list"}"#, "something else"), (200, "7", "something else"),
            (200, #"{"jsonrpc":"2.0","method":"notifications/x"}"#, "something else"),
            (200, #"{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"no"}}"#, "-32001"),
            (200, #"{"jsonrpc":"2.0","error":{"code":-32001,"message":"no"}}"#, "-32001"),
        ])
    func errors(status: Int, body: String, expected: String) async throws {
        let stage = try await Stage { _, _ in
            HTTPResponse(
                status: HTTPStatus(status), fields: ["Content-Type": "application/json"],
                body: .bytes(Array(body.utf8)))
        }
        await stage.send(#"{"jsonrpc":"2.0","id":7,"method":"tools/call"}"#)
        let answer = try await eventually("an error; delivered: \(stage.delivered.all)") {
            stage.delivered.all.first { $0.contains("\"id\":7,\"error\"") }
        }
        #expect(answer.contains(expected), "\(answer)")
        await stage.close()
    }

    @Test("of a batch in one body the answer counts, wherever it stands, and is the only one")
    func batches() async throws {
        let stage = try await Stage { _, message in
            let note = #"{"jsonrpc":"2.0","method":"notifications/x"}"#
            return Self.json("[\(note),\(Self.result(message, "{}")),\(note)]")
        }
        await stage.send(#"{"jsonrpc":"2.0","id":7,"method":"tools/call"}"#)
        try await eventuallyTrue("all of it") { stage.delivered.all.count >= 3 }
        try await eventuallyTrue("nothing to be on its way") { await stage.client.errands.isEmpty }
        #expect(stage.delivered.all.count == 3 && !stage.delivered.all.contains { $0.contains("error") })
        await stage.close()
    }

    @Test("a stream that ends without the answer and without event ids is an error, not silence")
    func brokenStream() async throws {
        let stage = try await Stage { _, _ in
            Self.events([ServerSentEvent(data: Array(#"{"jsonrpc":"2.0","method":"notifications/x"}"#.utf8))])
        }
        await stage.send(#"{"jsonrpc":"2.0","id":7,"method":"tools/call"}"#)
        #expect(try await stage.answer("7").contains("-32603"))
        await stage.close()
    }

    /// Has another token each time.
    final class Renewing: RequestAuthorizer {
        let number = Mutex(1)
        func authorization() -> String? { "Bearer t\(number.withLock { $0 })" }
        func renew(after refusal: AuthorizationRefusal) -> Bool {
            number.withLock { $0 += 1 }
            return true
        }
    }

    @Test("d11: a refused token is renewed and the request sent again, a few times and not for ever")
    func renewal() async throws {
        let authorizer = Renewing()
        let stage = try await Stage(authorizer: authorizer) { request, message in
            guard request.fields["authorization"] == "Bearer t3" else {
                return HTTPResponse(status: .unauthorized, fields: ["WWW-Authenticate": "Bearer"])
            }
            return Self.json(Self.result(message, "{}"))
        }
        await stage.send(#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#)
        #expect(try await stage.answer("1").contains("result"))
        authorizer.number.withLock { $0 = 10 }
        await stage.send(#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#)
        #expect(try await stage.answer("2").contains("401"))
        #expect(authorizer.number.withLock { $0 } == 13)
        await stage.close()
    }

    @Test("d5: a tool with annotations that break the rules is left out of a modern list")
    func invalidTools() async throws {
        let stage = try await Stage { _, message in
            Self.json(
                Self.result(
                    message,
                    #"{"tools":[{"name":"bad","inputSchema":{"x-mcp-header":"A"}},{"name":"good","inputSchema":{}}],"#
                        + #""nextCursor":""}"#))
        }
        await stage.send(#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{}}}"#)
        let answer = try await stage.answer("1")
        #expect(!answer.contains("bad") && answer.contains("good") && answer.contains("nextCursor"), "\(answer)")
        await stage.close()
    }
}
