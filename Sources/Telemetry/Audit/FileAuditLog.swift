import Glibc
import Synchronization

/// Keeps the audit trail as JSON lines, one file a day, readable by its owner only, in a folder of its own.
///
/// A line is made where its event is recorded, which costs no more than handing the event over, and written by a thread of
/// its own in the order recorded, all that came within ``gathering`` at once: a thread woken for each event would cost a busy
/// gateway a fifth of its core. What is written at once is sealed (``AuditSeal``).
/// Files older than the retention are deleted when a new day begins. Events that are lost, because the queue or the disk is
/// full, are counted, and the trail says so where they are missing.
package final class FileAuditLog: AuditLog {
    /// The lines of one day that wait for the thread.
    private struct Batch {
        let day: Int64
        let begin: Timestamp
        var events = 0
        var text: [UInt8] = []
    }

    private struct State {
        var queue: [Batch] = []
        var events = 0
        var isStarted = false
        var isWriting = false
        var lost = 0
        // The time of the last event, as text: it is the same for all events of a millisecond.
        var time = Timestamp(millisecondsSinceEpoch: .min)
        var timeText = ""

        mutating func append(_ event: AuditEvent) {
            if event.time != time {
                time = event.time
                timeText = time.iso8601
            }
            let day = FileAuditLog.dayNumber(time)
            if queue.last?.day != day { queue.append(Batch(day: day, begin: time)) }
            event.append(to: &queue[queue.count - 1].text, time: timeText)
            queue[queue.count - 1].events += 1
            events += 1
        }
    }

    /// Most events that wait for the thread; about a second of the fastest gateway.
    private static let capacity = 65_536

    /// How long the thread lets events gather, in microseconds; a killed gateway loses at most these.
    private static let gathering: UInt32 = 20_000

    private let folder: AuditFolder
    private let retentionDays: Int
    private let digest: AuditSeal.Digest
    private let logger: Logger
    // From the start on, at 0: a number that first shows with its loss shows no growth.
    private let lostEvents = MetricsRegistry.shared.counter(
        "sallyport_audit_events_lost_total", help: "Audit events that were not kept.")
    private let state = Mutex(State())
    private let wake = Semaphore()

    /// `folder` must exist. `retentionDays` counts the days that are kept, today included; `digest` is SHA-256.
    package init(folder: String, retentionDays: Int, digest: @escaping AuditSeal.Digest, logger: Logger) {
        self.folder = AuditFolder(path: folder)
        self.retentionDays = max(1, retentionDays)
        self.digest = digest
        self.logger = logger
    }

    package func record(_ event: AuditEvent) {
        let (mustStart, isFirst) = state.withLock { state in
            guard state.events < Self.capacity else {
                state.lost += 1
                return (false, false)
            }
            state.append(event)
            defer { state.isStarted = true }
            return (!state.isStarted, state.events == 1)
        }
        if mustStart { Thread.start { self.run() } }
        // The others are found when the thread comes for the first.
        if isFirst { wake.signal() }
    }

    /// Waits until everything recorded is written, at most one second.
    package func flush() {
        for _ in 0..<200 {
            if state.withLock({ $0.queue.isEmpty && !$0.isWriting }) { return }
            usleep(5000)
        }
    }

    private func run() {
        var writer = AuditTrailWriter(folder: folder, digest: digest)
        var day: Int64?
        while true {
            wake.wait()
            usleep(Self.gathering)
            let (batches, lost) = state.withLock { state in
                let taken = (state.queue, state.lost)
                state.isWriting = !state.queue.isEmpty
                state.queue = []
                state.events = 0
                state.lost = 0
                return taken
            }
            if lost > 0, !batches.isEmpty { report(lost) }
            // What was lost came before everything that waited.
            var gap = lost
            for batch in batches {
                if batch.day != day {
                    day = batch.day
                    removeExpired(now: batch.begin)
                }
                if !append(batch, after: gap, by: &writer) { state.withLock { $0.lost += batch.events + gap } }
                gap = 0
            }
            state.withLock { $0.isWriting = false }
        }
    }

    private func report(_ lost: Int) {
        lostEvents.increment(by: UInt64(lost))
        logger.error("audit events lost", ["count": .integer(lost)])
    }

    /// Writes `batch`, and before it that `gap` events are missing; false when nothing was written.
    private func append(_ batch: Batch, after gap: Int, by writer: inout AuditTrailWriter) -> Bool {
        var text: [UInt8] = []
        if gap > 0 {
            let event = AuditEvent(
                time: batch.begin, action: .eventsLost, outcome: .failed, detail: [("count", String(gap))])
            text = event.line
        }
        let error = writer.append(text.isEmpty ? batch.text : text + batch.text, at: batch.begin)
        if error != 0 { logger.error("audit trail cannot be written", ["errno": .integer(Int(error))]) }
        return error == 0
    }

    private static func dayNumber(_ time: Timestamp) -> Int64 {
        let (quotient, remainder) = time.millisecondsSinceEpoch.quotientAndRemainder(dividingBy: 86_400_000)
        return remainder < 0 ? quotient - 1 : quotient
    }

    private func removeExpired(now: Timestamp) {
        let oldest = CivilDate(now - .seconds(86_400 * (retentionDays - 1))).dayText
        for day in folder.days() where day < oldest { unsafe unlink(folder.file(day)) }
    }
}
