import Glibc
import Synchronization

/// Keeps the audit trail as JSON lines, one file a day, readable by its owner only, in a folder of its own.
///
/// Lines are written by a thread of its own in the order recorded, all that came within ``gathering`` at once: a thread
/// woken for each event would cost a busy gateway a fifth of its core. What is written at once is sealed (``AuditSeal``).
/// Files older than the retention are deleted when a new day begins. Events that are lost, because the queue or the disk is
/// full, are counted, and the trail says so where they are missing.
package final class FileAuditLog: AuditLog {
    private struct State {
        var queue: [AuditEvent] = []
        var isStarted = false
        var isWriting = false
        var lost = 0
    }

    /// Most events that wait for the thread; about a second of the fastest gateway.
    private static let capacity = 65_536

    /// How long the thread lets events gather, in microseconds; a killed gateway loses at most these.
    private static let gathering: UInt32 = 20_000

    private let folder: AuditFolder
    private let retentionDays: Int
    private let digest: AuditSeal.Digest
    private let logger: Logger
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
            guard state.queue.count < Self.capacity else {
                state.lost += 1
                return (false, false)
            }
            state.queue.append(event)
            defer { state.isStarted = true }
            return (!state.isStarted, state.queue.count == 1)
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
            let (events, lost) = state.withLock { state in
                let taken = (state.queue, state.lost)
                state.isWriting = !state.queue.isEmpty
                state.queue.removeAll(keepingCapacity: true)
                state.lost = 0
                return taken
            }
            var rest = events[...]
            if lost > 0, let first = rest.first {
                report(lost)
                let gap = AuditEvent(
                    time: first.time, action: .eventsLost, outcome: .failed, detail: [("count", String(lost))])
                rest = ([gap] + rest)[...]
            }
            while let first = rest.first {
                let today = Self.dayNumber(first.time)
                if today != day {
                    day = today
                    removeExpired(now: first.time)
                }
                let ofToday = rest.prefix { Self.dayNumber($0.time) == today }
                if !append(ofToday, at: first.time, by: &writer) {
                    let events = ofToday.count + (first.action == .eventsLost ? lost - 1 : 0)
                    state.withLock { $0.lost += events }
                }
                rest = rest.dropFirst(ofToday.count)
            }
            state.withLock { $0.isWriting = false }
        }
    }

    private func report(_ lost: Int) {
        MetricsRegistry.shared.counter("sallyport_audit_events_lost_total", help: "Audit events that were not kept.")
            .increment(by: UInt64(lost))
        logger.error("audit events lost", ["count": .integer(lost)])
    }

    private func append(_ events: ArraySlice<AuditEvent>, at time: Timestamp, by writer: inout AuditTrailWriter) -> Bool
    {
        let error = writer.append(Self.lines(events), at: time)
        if error != 0 { logger.error("audit trail cannot be written", ["errno": .integer(Int(error))]) }
        return error == 0
    }

    private static func lines(_ events: ArraySlice<AuditEvent>) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(events.count * 320)
        var time = Timestamp(millisecondsSinceEpoch: 0)
        var timeText = time.iso8601
        for event in events {
            if event.time != time {
                time = event.time
                timeText = time.iso8601
            }
            event.append(to: &text, time: timeText)
        }
        return text
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
