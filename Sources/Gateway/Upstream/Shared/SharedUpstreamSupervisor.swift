import AsyncIO
import OAuth
import Telemetry

// Keeps the process that everybody shares running without anybody using it (`pool.prespawn`); the only place where that
// starts a task.
extension SharedUpstream {
    /// After so long a process that ends counts as one that worked.
    private static let steady = Duration.seconds(60)

    func keep() -> Task<Void, Never> {
        Task(executorPreference: loop) { await self.keepRunning() }
    }

    /// Starts it, and starts it again when it has ended, with growing pauses; until the task is cancelled.
    private func keepRunning() async {
        while !isStopped {
            let began = EventLoop.preciseNow
            do throws(UpstreamError) {
                // Nobody's session yet: it tells the process of no user.
                _ = try await prepare(for: .anonymous, on: loop)
                await untilEnded()
            } catch {
                if !isStopped {
                    if case .failed = error { starts.failed(StartRecord.cannotStart) }
                    Logger(label: "gateway").warning(
                        "a process cannot be started ahead",
                        ["server": .string(server.name), "error": .string(error.words)])
                }
            }
            let now = EventLoop.preciseNow
            if now - began > Self.steady { backoff.succeeded() }
            backoff.failed(at: now)
            // Cancelled when the gateway stops.
            do { try await loop.sleep(for: .seconds(backoff.remaining(at: now) ?? 1)) } catch { return }
        }
    }
}

extension ServerDefinition {
    /// Whether the process that everybody shares runs also while nobody uses it.
    var standsReady: Bool { prespawned > 0 && isolation == .shared }
}

extension UpstreamError {
    fileprivate var words: String {
        switch self {
        case .cancelled: "cancelled"
        case .capacity: "too many processes run"
        case .failed(let reason): reason
        case .away: "it does not answer"
        }
    }
}
