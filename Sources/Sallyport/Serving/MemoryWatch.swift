import AsyncIO
import Gateway
import HTTP
import Telemetry

/// Watches how near the gateway and its servers come to the bound on their memory, and has what is new refused in time (F19).
struct MemoryWatch: Sendable {
    /// Parts of the bound from which on requests and connections are refused, and below which they are taken again.
    private static let (high, critical, calm) = (0.9, 0.95, 0.85)
    /// From here on it looks ten times as often.
    private static let near = 0.7
    /// How often the allocator is asked for what nobody uses, while requests are refused.
    private static let trimming = Duration.milliseconds(200)

    /// What the server asks.
    let pressure: MemoryPressure
    private let bound: MemoryBound
    private let logger: Logger
    private let shedding = MetricsRegistry.shared.gauge(
        "sallyport_memory_shedding", help: "1 while requests are refused for lack of memory.")
    private let limit = MetricsRegistry.shared.gauge(
        "sallyport_memory_limit_bytes", help: "Memory that the control groups allow the gateway and its servers.")

    /// Nil where nothing bounds the memory; blocking. `largest` is the longest content that is taken, in bytes.
    init?(largest: Int, logger: Logger) {
        guard let bound = MemoryBound.find() else { return nil }
        self.bound = bound
        self.logger = logger
        // What is read is copied a few times on its way. One large request is always let in.
        pressure = MemoryPressure(contentLimit: max(largest, bound.limit / 16))
        limit.set(bound.limit)
        shedding.set(0)
    }

    /// Watches until the task is cancelled.
    func run(on loop: EventLoop) async {
        var trimmed = EventLoop.preciseNow
        while true {
            let share = bound.usedShare()
            note(share)
            if pressure.level != .calm, trimmed + Self.trimming < EventLoop.preciseNow {
                // Only the queue can refuse; the next look comes soon.
                try? await BlockingExecutor.shared.run { MemoryBound.trim() }
                trimmed = EventLoop.preciseNow
            }
            do { try await loop.sleep(for: share < Self.near ? .milliseconds(100) : .milliseconds(10)) } catch {
                return
            }
        }
    }

    private func note(_ share: Double) {
        let before = pressure.level
        let now = Self.level(at: share, after: before)
        guard now != before else { return }
        pressure.level = now
        shedding.set(now == .calm ? 0 : 1)
        let details: LogMetadata = [
            "used_percent": .integer(Int(share * 100)), "limit_bytes": .integer(bound.limit),
        ]
        if before == .calm { logger.error("memory runs out: new requests are refused", details) }
        if now == .calm { logger.notice("there is memory again: requests are served", details) }
    }

    /// What is refused where so much is used. What is refused once is taken again only when there is some room.
    static func level(at share: Double, after before: MemoryPressure.Level) -> MemoryPressure.Level {
        switch share {
        case critical...: .critical
        case high...: .high
        case calm...: min(before, .high)
        default: .calm
        }
    }
}
