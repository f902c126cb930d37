import AsyncIO
import Crypto
import JSON
import MCP
import Telemetry

/// Why a question to a remote server has no result.
struct RemoteFailure: Error, Sendable, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// A conversation of our own with a remote server: questions with their results, in whichever era the server speaks (d3,
/// d4). For `call` and `list`.
actor RemoteConversation {
    private static let offeredVersion = "2025-11-25"
    private static let modernVersion = "2026-07-28"

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    private let server: RemoteServer
    private let patience: Duration
    private var client: StreamableHTTPClient?
    private var isModern = false
    private var lastID = 0
    private var waiting: [Int: Question] = [:]

    /// Somebody who waits, and for how long.
    private struct Question {
        let continuation: CheckedContinuation<JSONDocument?, Never>
        var timer: LoopTimer
    }

    /// `patience` is how long an answer may take.
    init(_ server: RemoteServer, patience: Duration, on loop: EventLoop) {
        self.server = server
        self.patience = patience
        self.loop = loop
    }

    /// Finds out the server's era and, in the legacy one, begins a session.
    func open() async throws(RemoteFailure) {
        client = server.client(on: loop) { [weak self] in await self?.received($0) }
        isModern = true
        let discovered = await answer("server/discover", [], within: .seconds(10))
        if let versions = discovered?.root["result"]?["supportedVersions"], versions.isArray {
            guard versions.elements.contains(where: { $0.equals("2026-07-28") }) else {
                throw RemoteFailure("the server speaks only \(String(decoding: versions.bytes, as: UTF8.self))")
            }
            return
        }
        isModern = false
        let hello: [JSONValue.Member] = [
            .init("protocolVersion", .string(Self.offeredVersion)), .init("capabilities", [:]),
            .init("clientInfo", Self.clientInfo),
        ]
        _ = try await result("initialize", hello)
        await send(.object([.init("jsonrpc", "2.0"), .init("method", "notifications/initialized")]))
    }

    /// Asks and waits for the result.
    func result(_ method: String, _ parameters: [JSONValue.Member]) async throws(RemoteFailure) -> JSONNode {
        guard let document = await answer(method, parameters, within: patience) else {
            throw RemoteFailure("no answer within \(patience); --timeout waits longer")
        }
        if let result = document.root["result"] { return result }
        let error = document.root["error"]
        let code = error?["code"]?.integer.map { " (\($0))" } ?? ""
        throw RemoteFailure((error?["message"]?.string ?? "the server answered something that is no result") + code)
    }

    /// Ends the session.
    func close() async { await client?.close(within: .zero) }

    /// Nil when the time is over.
    private func answer(
        _ method: String, _ parameters: [JSONValue.Member], within limit: Duration
    ) async -> JSONDocument? {
        lastID += 1
        let id = lastID
        var meta: [JSONValue.Member] = isModern ? Self.envelope : []
        meta.append(.init("progressToken", .integer(Int64(id))))
        let parameters = parameters + [.init("_meta", .object(meta))]
        let message: JSONValue = [
            "jsonrpc": "2.0", "id": .integer(Int64(id)), "method": .string(method), "params": .object(parameters),
        ]
        return await withCheckedContinuation { continuation in
            waiting[id] = Question(continuation: continuation, timer: timer(id, limit))
            begin(message)
        }
    }

    private func timer(_ id: Int, _ limit: Duration) -> LoopTimer {
        loop.scheduled(after: limit) { [weak self] in self?.assumeIsolated { $0.expire(id, limit) } }
    }

    /// The time that a person takes in the browser is not the server's.
    private func expire(_ id: Int, _ limit: Duration) {
        guard server.isLoggingIn else { return settle(id, nil) }
        waiting[id]?.timer = timer(id, limit)
    }

    func send(_ message: JSONValue) async { await client?.accept(message.serialized()) }

    private static let clientInfo: JSONValue = ["name": "sallyport", "version": .string(Version.text)]
    private static let envelope: [JSONValue.Member] = [
        .init("io.modelcontextprotocol/protocolVersion", .string(modernVersion)),
        .init("io.modelcontextprotocol/clientInfo", clientInfo),
        .init("io.modelcontextprotocol/clientCapabilities", [:]),
    ]

    private func received(_ text: [UInt8]) async {
        guard let document = try? JSONDocument(parsing: text) else { return }
        let root = document.root
        if let method = root["method"] {
            if let id = root["id"].flatMap({ JSONRPCID($0) }) { return await refuse(id, method) }
            return note(method, root["params"])
        }
        if let id = root["id"]?.integer { settle(Int(clamping: id), document) }
    }

    private func settle(_ id: Int, _ document: JSONDocument?) {
        waiting.removeValue(forKey: id)?.continuation.resume(returning: document)
    }

    /// There is nobody here to answer: a shell command is no agent.
    private func refuse(_ id: JSONRPCID, _ method: JSONNode) async {
        if method.equals("ping") {
            await client?.accept(JSONRPCText.response(to: id, result: Array("{}".utf8)))
        } else {
            let error = JSONRPCError(.methodNotFound, "This client answers no questions")
            await client?.accept(error.response(to: id))
        }
    }

    /// Progress and log messages, for the person who waits.
    private func note(_ method: JSONNode, _ parameters: JSONNode?) {
        if method.equals("notifications/progress"), let message = parameters?["message"]?.string {
            Console.complain(LogText.readable(message))
        } else if method.equals("notifications/message"), let data = parameters?["data"] {
            Console.complain(LogText.readable(data.string ?? String(decoding: data.bytes, as: UTF8.self)))
        }
    }
}
