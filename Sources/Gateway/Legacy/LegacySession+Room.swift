import AsyncIO
import MCP

// Making room for a user who has none (P05).
extension LegacySession {
    /// When it was used last, where no call waits for its server; a stream alone is no use.
    var unusedSince: LoopInstant? { end == nil && isEstablished && calls.count == 0 ? lastUse : nil }

    /// Ends it, where nobody has used it since; returns when nothing of it is left.
    func makeRoom(unusedSince instant: LoopInstant) async -> Bool {
        guard unusedSince == instant else { return false }
        finish(.displaced)
        await vanished()
        return true
    }
}
