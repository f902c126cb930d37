/// How a call ended.
enum CallEnd: String, Sendable, CaseIterable {
    /// With a result.
    case answered
    /// With a result that says that the tool failed.
    case toolError = "tool_error"
    /// With an error of the server.
    case serverError = "server_error"
    /// By the access policy.
    case forbidden
    /// There is no such tool for clients.
    case unknownTool = "unknown_tool"
    /// There is no such task for this client.
    case unknownTask = "unknown_task"
    /// The server's answer cannot be handed on.
    case invalidAnswer = "invalid_answer"
    /// Without an answer in time.
    case timedOut = "timed_out"
    /// The server does not take requests.
    case overloaded
    /// The client takes it back, or is gone.
    case cancelled
    /// By the end of its session, or of the server.
    case sessionEnded = "session_ended"
    /// By a fault of ours.
    case failed

    /// The same in four words.
    enum Outcome: String, CaseIterable {
        /// With a result.
        case answered
        /// With an error.
        case refused
        case timedOut = "timed_out"
        /// Without an answer.
        case failed

        /// Its place among all of them.
        var index: Int {
            switch self {
            case .answered: 0
            case .refused: 1
            case .timedOut: 2
            case .failed: 3
            }
        }
    }

    var outcome: Outcome {
        switch self {
        case .answered, .toolError: .answered
        case .serverError, .forbidden, .unknownTool, .unknownTask, .invalidAnswer: .refused
        case .timedOut: .timedOut
        case .overloaded, .cancelled, .sessionEnded, .failed: .failed
        }
    }
}
