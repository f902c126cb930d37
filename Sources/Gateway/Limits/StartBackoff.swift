import AsyncIO
import Synchronization

/// Keeps a server that dies at start from being started over and over: 1 s, 2 s, … 60 s between attempts (P05).
///
/// Only failures before the first answer count: a process that dies later is its own callers' affair.
final class StartBackoff: Sendable {
    private struct State {
        var failures = 0
        var notBefore = LoopInstant(nanoseconds: 0)
    }

    private static let maximumSeconds = 60
    private let state = Mutex(State())

    /// Seconds until the next attempt; nil when one may be made now.
    func remaining(at now: LoopInstant) -> Int? {
        state.withLock { state in
            guard state.notBefore > now else { return nil }
            return max(1, Int(((state.notBefore - now) / .seconds(1)).rounded(.up)))
        }
    }

    /// A start failed.
    func failed(at now: LoopInstant) {
        state.withLock { state in
            state.failures = min(state.failures + 1, 16)
            let seconds = min(Self.maximumSeconds, 1 << (state.failures - 1))
            state.notBefore = now + .seconds(seconds)
        }
    }

    /// A start succeeded.
    func succeeded() {
        state.withLock { $0 = State() }
    }
}
