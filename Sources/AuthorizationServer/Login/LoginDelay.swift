import Telemetry

/// The per-account delay after failed logins (U06). It slows guessing and never locks: a browser that is signed in stays
/// so, and the owner waits at most a minute.
enum LoginDelay {
    /// Failures that cost nothing.
    static let freeFailures = 5
    /// The longest wait.
    static let longest: Int64 = 60_000

    /// Milliseconds until the next attempt is looked at; 0 means now.
    static func remaining(after failures: LoginFailures, at now: Timestamp) -> Int64 {
        guard failures.count > freeFailures, let last = failures.lastAt else { return 0 }
        let doublings = min(failures.count - freeFailures, 6)
        let delay = min(longest, 1000 << Int64(doublings))
        return max(0, last.millisecondsSinceEpoch + delay - now.millisecondsSinceEpoch)
    }
}
