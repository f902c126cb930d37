import Glibc
import Synchronization

/// Keeps the audit trail as JSON lines, one file a day, readable by its owner only, in a folder of its own.
///
/// A line is made where its event is recorded, which costs no more than handing the event over, and written by a thread of
/// its own in the order recorded, all that came within ``gathering`` at once: a thread woken for each event would cost a busy
/// gateway a fifth of its core. What is written at once is sealed (``AuditSeal``).
/// Files older than the retention are deleted when a new day begins. While the disk takes nothing, events wait in memory and are
/// written when it does (F12); those for which there is no room are counted, and the trail says so where they are missing.
package final class FileAuditLog: AuditLog {
    private struct State {
        var queue = AuditQueue()
        var isStarted = false
        // While the thread comes by itself, nobody wakes it.
        var isFailing = false
    }

    /// How long the thread lets events gather, in microseconds; a killed gateway loses at most these.
    private static let gathering: UInt32 = 20_000
    /// How long it waits before it tries again to write, in microseconds.
    private static let pause: UInt32 = 500_000

    private let folder: AuditFolder
    private let retentionDays: Int
    private let digest: AuditSeal.Digest
    private let logger: Logger
    // From the start on, at 0: a number that first shows with its loss shows no growth.
    private let lostEvents = MetricsRegistry.shared.counter(
        "sallyport_audit_events_lost_total", help: "Audit events that were not kept.")
    private let failing = MetricsRegistry.shared.gauge(
        "sallyport_audit_failing", help: "1 while the audit trail cannot be written, so that its events wait in memory."
    )
    private let state = Mutex(State())
    private let wake = Semaphore()

    /// `folder` must exist. `retentionDays` counts the days that are kept, today included; `digest` is SHA-256.
    package init(folder: String, retentionDays: Int, digest: @escaping AuditSeal.Digest, logger: Logger) {
        self.folder = AuditFolder(path: folder)
        self.retentionDays = max(1, retentionDays)
        self.digest = digest
        self.logger = logger
    }

    /// Whether the disk did not take what was to be written last.
    package var isFailing: Bool { state.withLock { $0.isFailing } }

    package func record(_ event: AuditEvent) {
        let (isKept, mustStart, mustWake) = state.withLock { state in
            let wasEmpty = state.queue.isEmpty
            let isKept = state.queue.append(event)
            defer { state.isStarted = true }
            return (isKept, !state.isStarted, wasEmpty && isKept && !state.isFailing)
        }
        if !isKept { lostEvents.increment() }
        if mustStart { Thread.start { self.run() } }
        // The others are found when the thread comes for the first.
        if mustWake { wake.signal() }
    }

    /// Waits until everything recorded is written, at most one second; says how much was not.
    package func flush() {
        for _ in 0..<200 {
            if state.withLock({ $0.queue.events == 0 }) { return }
            usleep(5000)
        }
        let (waiting, lost) = state.withLock { ($0.queue.events, $0.queue.lost) }
        logger.error("audit events were not written", ["count": .integer(waiting + lost)])
    }

    private func run() {
        var writer = AuditTrailWriter(folder: folder, digest: digest)
        var trouble = AuditTrouble()
        var day: Int64?
        var pending: [AuditQueue.Batch] = []
        while true {
            if pending.isEmpty { wake.wait() }
            usleep(pending.isEmpty ? Self.gathering : Self.pause)
            let missing = state.withLock { $0.queue.take(after: &pending) }
            if let count = trouble.missing(missing, at: .now) {
                logger.error("audit events lost", ["count": .integer(count)])
            }
            do throws(AuditFailure) {
                while let batch = pending.first {
                    if batch.day != day {
                        day = batch.day
                        removeExpired(now: batch.begin)
                    }
                    try writer.append(batch.text, at: batch.begin)
                    pending.removeFirst()
                    state.withLock { $0.queue.written(batch) }
                }
                if isFailing { recover(isWorthALine: trouble.ended()) }
            } catch {
                fail(error, isWorthALine: trouble.failed(at: .now))
            }
        }
    }

    private func fail(_ failure: AuditFailure, isWorthALine: Bool) {
        failing.set(1)
        let (waiting, lost) = state.withLock { state in
            state.isFailing = true
            return (state.queue.events, state.queue.lost)
        }
        guard isWorthALine else { return }
        logger.error(
            "audit trail cannot be written",
            ["errno": .integer(Int(failure.code)), "waiting": .integer(waiting), "lost": .integer(lost)])
    }

    private func recover(isWorthALine: Bool) {
        failing.set(0)
        let mustWake = state.withLock { state in
            state.isFailing = false
            return !state.queue.isEmpty
        }
        // What came meanwhile woke nobody.
        if mustWake { wake.signal() }
        if isWorthALine { logger.notice("audit trail is written again") }
    }

    private func removeExpired(now: Timestamp) {
        let oldest = CivilDate(now - .seconds(86_400 * (retentionDays - 1))).dayText
        for day in folder.days() where day < oldest { unsafe unlink(folder.file(day)) }
    }
}
