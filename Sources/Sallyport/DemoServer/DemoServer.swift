import Glibc
import JSON

/// The built-in MCP server for trying, diagnosing and testing: one thread, standard input and output, no dependencies on
/// the rest of the program.
///
/// It speaks the legacy revisions 2024-11-05 to 2025-11-25, or 2026-07-28 where it is told to. Slow tools (`sleep`, `progress`) are timers and questions to
/// the client are table entries, so any number of calls run side by side. Answers to all lines of one read leave in one
/// write, which makes it fast enough to measure a gateway with.
final class DemoServer {
    /// The most lines of input that may be unanswered questions or timers.
    static let maximumPending = 10_000
    private static let maximumLine = 16 << 20

    /// What `initialize` agreed on, or what the request in hand says of its client.
    var session = DemoSession()
    private let isModern: Bool
    /// The request in hand, in the modern era.
    var modern: ModernRequest?
    private var output: [UInt8] = []
    private var timers: [DemoTimer] = []
    private var questions: [Int64: DemoQuestion] = [:]
    private var lastQuestion: Int64 = 0
    /// When the process began.
    let startedAt = ContinuousClock.now
    /// Tool calls since then.
    var calls: Int64 = 0
    /// The parameters of the last `echo`, for `replay`.
    var lastEcho: JSONNode?
    /// Calls that have no answer yet.
    var waiting: Int { timers.count + questions.count }

    /// A server of the legacy era, or of the modern one and nothing else.
    init(isModern: Bool = false) {
        self.isModern = isModern
    }

    /// Serves until standard input ends; returns the exit code.
    func run() -> Int32 {
        var buffer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            flush()
            guard waitForInput() else { continue }
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(STDIN_FILENO, $0.baseAddress, $0.count) }
            if count < 0 {
                guard errno == EINTR || errno == EAGAIN else { return 74 }
                continue
            }
            guard count > 0 else { return 0 }
            buffer.append(contentsOf: chunk[..<count])
            receiveLines(of: &buffer)
            guard buffer.count <= Self.maximumLine else {
                complain("a line is longer than \(Self.maximumLine) bytes")
                return 65
            }
        }
    }

    /// Handles what one read brought; exposed for tests, which take the answers from `takeOutput`.
    func receiveLines(of buffer: inout [UInt8]) {
        var start = 0
        while let end = buffer[start...].firstIndex(of: UInt8(ascii: "\n")) {
            if end > start { receive(Array(buffer[start..<end])) }
            start = end + 1
        }
        buffer.removeFirst(start)
    }

    /// What would be written next.
    func takeOutput() -> [UInt8] {
        defer { output.removeAll(keepingCapacity: true) }
        return output
    }

    private func receive(_ line: [UInt8]) {
        do throws(JSONSyntaxError) {
            let root = try JSONDocument(parsing: line).root
            guard root.isArray else { return receive(root) }
            for message in root.elements { receive(message) }  // batches of 2025-03-26
        } catch {
            complain("a line is not JSON: \(error)")
            send(error: -32700, "Parse error", id: nil)
        }
    }

    private func receive(_ message: JSONNode) {
        let id = message["id"].map { Array($0.bytes) }
        guard let method = message["method"] else {
            if let id = message["id"]?.integer, let question = questions.removeValue(forKey: id) {
                question.answer(message)
            }
            return
        }
        guard let id else { return notified(method, message["params"]) }
        if isModern { return receiveModern(method, message["params"], id: id) }
        if method.equals("tools/call") {
            callTool(message["params"], id: id)
        } else {
            respond(to: method, message["params"], id: id)
        }
    }

    private func notified(_ method: JSONNode, _ params: JSONNode?) {
        guard method.equals("notifications/cancelled"), let id = params?["requestId"]?.bytes else { return }
        timers.removeAll { $0.request.elementsEqual(id) }
        questions = questions.filter { !$0.value.request.elementsEqual(id) }
    }
}

// MARK: - Sending

extension DemoServer {
    /// Answers the request `id`; `result` is JSON text.
    func send(result: [UInt8], id: [UInt8]) {
        guard modern != nil, result.first == UInt8(ascii: "{") else { return respond(with: result, id: id) }
        let separator: [UInt8] = result.count > 2 ? [UInt8(ascii: ",")] : []
        respond(with: [UInt8(ascii: "{")] + modernMembers() + separator + result.dropFirst(), id: id)
    }

    /// Answers the request `id` with exactly this result, JSON text.
    func respond(with result: [UInt8], id: [UInt8]) {
        raw("{\"jsonrpc\":\"2.0\",\"id\":")
        output += id
        raw(",\"result\":")
        output += result
        raw("}\n")
    }

    /// Answers the request `id` with a JSON-RPC error.
    func send(error code: Int64, _ message: String, id: [UInt8]?, data: JSONValue? = nil) {
        raw("{\"jsonrpc\":\"2.0\",\"id\":")
        output += id ?? Array("null".utf8)
        raw(",\"error\":")
        var error: JSONValue = ["code": .integer(code), "message": .string(message)]
        if let data, case .object(let members) = error { error = .object(members + [.init("data", data)]) }
        output += error.serialized()
        raw("}\n")
    }

    /// Answers a tool call with one text.
    func send(text: String, isError: Bool = false, id: [UInt8]) {
        send(quotedText: JSONText.quoted(text), isError: isError, id: id)
    }

    /// Answers a tool call with one text that is JSON text already: the path of `echo`.
    func send(quotedText: some Sequence<UInt8>, isError: Bool = false, id: [UInt8]) {
        guard modern == nil else {
            let text = Array("{\"content\":[{\"type\":\"text\",\"text\":".utf8) + quotedText
            return send(result: text + Array("}],\"isError\":\(isError)}".utf8), id: id)
        }
        raw("{\"jsonrpc\":\"2.0\",\"id\":")
        output += id
        raw(",\"result\":{\"content\":[{\"type\":\"text\",\"text\":")
        output += quotedText
        raw(isError ? "}],\"isError\":true}}\n" : "}],\"isError\":false}}\n")
    }

    /// Sends a notification.
    func notify(_ method: String, _ params: JSONValue) {
        let message: JSONValue = ["jsonrpc": "2.0", "method": .string(method), "params": params]
        output += message.serialized()
        raw("\n")
    }

    /// Asks the client something on behalf of the request `id`; the answer, result or error, goes to `answer`.
    func ask(
        _ method: String, _ params: JSONValue, for id: [UInt8], answer: @escaping (JSONNode) -> Void
    ) {
        guard modern == nil else { return askModern(method, params, for: id, answer: answer) }
        guard questions.count < Self.maximumPending else {
            return send(text: "too many questions are open", isError: true, id: id)
        }
        lastQuestion += 1
        questions[lastQuestion] = DemoQuestion(request: id, answer: answer)
        let message: JSONValue = [
            "jsonrpc": "2.0", "id": .integer(lastQuestion), "method": .string(method), "params": params,
        ]
        output += message.serialized()
        raw("\n")
    }

    private func raw(_ text: StaticString) {
        output += text.withUTF8Buffer { unsafe Array($0) }
    }

    private func flush() {
        var start = 0
        while start < output.count {
            let count = unsafe output[start...].withUnsafeBytes {
                unsafe write(STDOUT_FILENO, $0.baseAddress, $0.count)
            }
            if count < 0 {
                guard errno == EINTR else { exit(0) }  // the reader is gone, and with it the reason to go on
                continue
            }
            start += count
        }
        output.removeAll(keepingCapacity: true)
    }

    private func complain(_ text: String) {
        let line = Array("demo-server: \(text)\n".utf8)
        _ = unsafe line.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}

// MARK: - Time

extension DemoServer {
    /// Runs `action` after a while, unless the request `id` is cancelled before.
    func after(_ delay: Duration, for id: [UInt8], _ action: @escaping () -> Void) {
        guard timers.count < Self.maximumPending else {
            return send(text: "too many calls are waiting", isError: true, id: id)
        }
        timers.append(DemoTimer(request: id, deadline: ContinuousClock.now + delay, action: action))
    }

    /// True when there is input to read; false after timers fired.
    private func waitForInput() -> Bool {
        // Without timers the read itself is the wait: one system call fewer on the path of `echo`.
        guard let next = timers.map(\.deadline).min() else { return true }
        let remaining = max(.zero, next - ContinuousClock.now)
        var descriptor = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        let milliseconds = Int32(clamping: Int64((remaining / .milliseconds(1)).rounded(.up)))
        let ready = unsafe poll(&descriptor, 1, milliseconds)
        fireTimers()
        return ready > 0
    }

    /// Runs what is due, earliest first.
    func fireTimers(at now: ContinuousClock.Instant = .now) {
        let due = timers.filter { $0.deadline <= now }.sorted { $0.deadline < $1.deadline }
        timers.removeAll { $0.deadline <= now }
        for timer in due { timer.action() }
    }
}

/// A tool call that waits for time to pass.
private struct DemoTimer {
    let request: [UInt8]
    let deadline: ContinuousClock.Instant
    let action: () -> Void
}

/// A tool call that waits for the client.
private struct DemoQuestion {
    let request: [UInt8]
    let answer: (JSONNode) -> Void
}

/// What `initialize` and `logging/setLevel` said.
struct DemoSession {
    /// The revision in use.
    var protocolVersion = "2025-11-25"
    /// Whether the client answers `elicitation/create`.
    var canElicit = false
    /// Whether the client answers `sampling/createMessage`.
    var canSample = false
    /// Whether the client answers `roots/list`.
    var hasRoots = false
    /// What the client says that it is.
    var client: JSONValue?
    /// The least severity of log messages, as an index of `levels`.
    var minimumLevel = 0

    /// The severities of RFC 5424, least severe first.
    static let levels = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]
    /// The revisions spoken, oldest first.
    static let versions = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]

    /// Whether results may carry `structuredContent`.
    var hasStructuredContent: Bool { protocolVersion >= "2025-06-18" }
}
