/// Why a command has no reply that could be used.
enum RedisFailure: Error, Sendable, Hashable {
    /// It was not sent: nothing has changed.
    case unreachable(String)
    /// It was sent and no reply came, or no replica confirmed it: nobody knows whether it counts.
    case lost(String)
    /// The server refused it before it had any effect. The code is the first word of its reply.
    case refused(code: String, detail: String)

    /// For our own log.
    var detail: String {
        switch self {
        case .unreachable(let detail), .lost(let detail): "redis: \(detail)"
        case .refused(_, let detail): "redis: \(detail)"
        }
    }

    /// What an error reply means.
    init(reply: String) {
        let code = reply.prefix { $0 != " " }
        // Redis quotes what it was sent: only what a terminal can show.
        let shown = reply.unicodeScalars.prefix(300).filter { (0x20...0x7E).contains($0.value) }
        self = .refused(code: String(code), detail: String(String.UnicodeScalarView(shown)))
    }
}
