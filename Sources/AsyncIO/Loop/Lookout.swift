/// Decides for how long a loop looks for something that comes in a moment, without going to sleep.
///
/// A core that sleeps needs tens of microseconds to wake, which is what a quick server needs for its whole answer. So who has
/// just asked one looks out for a short while; and where nothing came in that time, looks out less and less often, so that
/// slow servers and shared cores cost next to nothing. Times are those of `uv_hrtime`.
struct Lookout {
    /// The longest look, in nanoseconds.
    static let limit: UInt64 = 50_000
    /// Most expectations that are let pass after one that was in vain.
    static let longestPause = 1024

    private var until: UInt64?
    private var pause = 0
    private var letPass = 0

    /// Something is expected soon.
    mutating func expect(at now: UInt64) {
        guard until == nil else { return }
        if letPass > 0 {
            letPass -= 1
        } else {
            until = now &+ Self.limit
        }
    }

    /// Something came.
    mutating func met() {
        guard until != nil else { return }
        until = nil
        pause = 0
    }

    /// Whether to go on looking.
    mutating func goesOn(_ now: () -> UInt64) -> Bool {
        guard let until else { return false }
        if now() < until { return true }
        self.until = nil
        pause = min(max(1, pause &* 2), Self.longestPause)
        letPass = pause
        return false
    }
}
