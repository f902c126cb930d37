import AsyncIO
import MCP

/// What a legacy server asks as soon as it is ready, before the call arrives for which it was started: servers ask for roots
/// then (mcp.md B2). They become questions of that call.
struct EarlyQuestions {
    /// Oldest first.
    private(set) var waiting: [JSONRPCMessage] = []
    /// When they are refused, where nobody comes.
    private(set) var deadline: LoopInstant?
    /// Requests on their way whose clients can be asked.
    private var coming = 0
    /// Whether nothing was requested since the session began.
    private var isFresh = true

    /// Keeps a question; false where there is nobody to wait for.
    mutating func hold(_ question: JSONRPCMessage, until instant: LoopInstant) -> Bool {
        guard isFresh || coming > 0, waiting.count < Questions.maximum else { return false }
        if waiting.isEmpty { deadline = instant }
        waiting.append(question)
        return true
    }

    /// A request is on its way.
    mutating func comes(canBeAsked: Bool) { if canBeAsked { coming += 1 } }

    /// It has come, or will not: what waited for it.
    mutating func came(canBeAsked: Bool) -> [JSONRPCMessage] {
        isFresh = false
        if canBeAsked { coming -= 1 }
        return takeAll()
    }

    /// Nobody came.
    mutating func expire() -> [JSONRPCMessage] {
        isFresh = false
        return takeAll()
    }

    /// The server takes a question back.
    mutating func withdraw(_ id: JSONRPCID) { waiting.removeAll { $0.exactID == id } }

    private mutating func takeAll() -> [JSONRPCMessage] {
        defer { (waiting, deadline) = ([], nil) }
        return waiting
    }
}

extension LegacySession {
    /// A request that may have been waited for has come, or will not.
    func came(canBeAsked: Bool) {
        for question in early.came(canBeAsked: canBeAsked) {
            if let id = question.exactID { received(bridged: question, id: id) }
        }
        // They were asked before the call was made, so they are put before it is answered.
        for (number, exchange) in exchanges where exchange.asksAt != nil && canBeAsked { ask(exchange, number) }
    }

    /// Nobody came whose client could be asked.
    func refuseEarlyQuestions() {
        for question in early.expire() {
            if let id = question.exactID { sendLine(JSONRPCError.nobodyToAsk.response(to: id) + [0x0A]) }
        }
    }
}

extension JSONRPCError {
    /// B4.
    static let nobodyToAsk = JSONRPCError(.invalidParams, "No request of a client that could be asked is in progress")
}
