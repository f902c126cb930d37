package import AsyncIO

/// The requests of a server to its client: sampling, elicitation, roots, ping.
///
/// Each gets an id of our own towards the client, never used twice in a session, and the server's id back with the
/// answer. An answer to an id that is not open belongs to nobody (M06).
package struct Questions {
    /// A request of the server without an answer.
    package struct Question: Sendable {
        /// The id that the client sees.
        package let number: Int
        /// The server's id.
        package let id: JSONRPCID
        package let method: MCPMethod
        package let deadline: LoopInstant
        /// The message for the client; kept while there is no stream to put it on.
        package fileprivate(set) var held: [UInt8]?
        /// The stream that it went to.
        package fileprivate(set) var stream: Int?
    }

    /// Most that may wait at once.
    package static let maximum = 64

    private var questions: [Int: Question] = [:]
    private var lastNumber = 0

    package init() {}

    package var count: Int { questions.count }
    /// Whether some wait for a stream.
    package var hasHeld: Bool { questions.values.contains { $0.held != nil } }
    /// When the first of them is given up.
    package var nextDeadline: LoopInstant? { questions.values.lazy.map(\.deadline).min() }

    /// Takes a question; nil when too many are open.
    package mutating func begin(_ id: JSONRPCID, method: MCPMethod, deadline: LoopInstant) -> Int? {
        guard questions.count < Self.maximum else { return nil }
        lastNumber += 1
        questions[lastNumber] = Question(number: lastNumber, id: id, method: method, deadline: deadline)
        return lastNumber
    }

    /// The question is on its way.
    package mutating func sent(_ number: Int, on stream: Int) {
        questions[number]?.held = nil
        questions[number]?.stream = stream
    }

    /// There is no stream; the message waits.
    package mutating func hold(_ number: Int, _ message: [UInt8]) {
        questions[number]?.held = message
    }

    /// The client answered: the question, once. A held one cannot have been seen and so not answered.
    package mutating func answer(_ number: Int) -> Question? {
        guard let question = questions[number], question.held == nil else { return nil }
        questions[number] = nil
        return question
    }

    /// The server took its question back.
    package mutating func withdraw(_ id: JSONRPCID) -> Question? {
        guard let question = questions.values.filter({ $0.id == id }).max(by: { $0.number < $1.number }) else {
            return nil
        }
        questions[question.number] = nil
        return question
    }

    /// The held ones, oldest first; they stay held until ``sent(_:on:)``.
    package func held() -> [Question] {
        questions.values.filter { $0.held != nil }.sorted { $0.number < $1.number }
    }

    /// Removes and returns those whose time has passed.
    package mutating func expire(at now: LoopInstant) -> [Question] {
        let found = questions.values.filter { $0.deadline <= now }.sorted { $0.number < $1.number }
        for question in found { questions[question.number] = nil }
        return found
    }
}

extension Questions.Question {
    /// What the server gets when nobody answers.
    package func refusal() -> [UInt8] {
        switch method {
        case .elicitationCreate:
            JSONRPCText.response(to: id, result: Array("{\"action\":\"cancel\"}".utf8))
        case .samplingCreateMessage:
            JSONRPCError(.refused, "No client answered the sampling request").response(to: id)
        case .ping:
            JSONRPCText.response(to: id, result: Array("{}".utf8))
        default:
            JSONRPCError(.internalError, "No client answered").response(to: id)
        }
    }
}
