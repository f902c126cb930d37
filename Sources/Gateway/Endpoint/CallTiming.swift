import AsyncIO

/// What the time of a call went into.
struct CallTiming: Sendable {
    /// From the call to its end.
    let total: Duration
    /// How long ago the server was asked; nil where it never was.
    let sinceAsked: Duration?
    /// How long ago its answer came, or the waiting for it ended.
    let sinceAnswered: Duration

    /// Of a call that ends `now`. Without `answered` nothing came.
    init(began: LoopInstant, asked: LoopInstant?, answered: LoopInstant?, now: LoopInstant) {
        total = now - began
        sinceAsked = asked.map { now - $0 }
        sinceAnswered = answered.map { now - $0 } ?? .zero
    }

    /// The gateway's own part: all but the time that the server had the request.
    var own: Duration {
        guard let sinceAsked else { return total }
        return total - max(.zero, sinceAsked - sinceAnswered)
    }
}
