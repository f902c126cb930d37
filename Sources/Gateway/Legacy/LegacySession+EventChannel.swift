import AsyncIO
import HTTP
import MCP
import OAuth

/// What a POST of 2024-11-05 gets: its answers go another way.
enum ChannelOutcome: Sendable {
    case accepted
    /// `initialize` again, or anything else before it.
    case outOfOrder
    /// A response that nobody asked for.
    case unsolicited
    case limitReached
    /// The token lacks these scopes.
    case forbidden([String])
    case gone
}

// The transport of 2024-11-05: one stream of events is the session, everything that clients say is posted beside it.
extension LegacySession {
    /// Opens the stream; its first event says where to post.
    func openChannel(postingTo endpoint: String, for principal: Principal) -> StreamOpening {
        guard end == nil else { return .gone }
        guard quota.openStream() else { return .limitReached }
        use(by: principal)
        let stream = general
        stream.countsAsStream = true
        stream.reader = .attached
        stream.waitingSince = loop.now
        stream.log.append(Array(endpoint.utf8), type: "endpoint")
        armForReader(of: stream)
        return .stream(StreamReader(session: self, stream: stream.number, generation: stream.generation))
    }

    /// Takes one message; what comes of it is an event of the stream.
    func take(_ message: JSONRPCMessage, for principal: Principal, record: CallRecord?) -> ChannelOutcome {
        guard end == nil, connection != nil, let stream = streams[0] else { return .gone }
        use(by: principal)
        // A newer token keeps the stream open (T08).
        stream.principal = principal
        switch message.kind {
        case .notification: forward(message)
        case .response: return answer(message) ? .accepted : .unsolicited
        case .request:
            let isInitialize = message.isMethod("initialize")
            guard isInitialize != wasIntroduced else { return .outOfOrder }
            if let missing = missingScopes(for: [message], principal) {
                metrics.refused()
                if let record { surroundings.observer.denied(record, auditSubject) }
                return .forbidden(missing)
            }
            guard quota.beginCalls(1) else { return .limitReached }
            if isInitialize { wasIntroduced = true }
            begin(message, on: stream, isInitialize: isInitialize, record: record)
        }
        return .accepted
    }
}
