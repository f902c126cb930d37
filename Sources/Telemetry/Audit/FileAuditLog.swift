import Glibc
import Synchronization

/// Keeps the audit trail as JSON lines, one file a day, readable by its owner only, in a folder of its own.
///
/// Lines are written by a thread of its own in the order recorded, all that came within ``gathering`` at once: a thread
/// woken for each event would cost a busy gateway a fifth of its core. Files older than the retention are deleted when a
/// new day begins.
package final class FileAuditLog: AuditLog {
    private struct State {
        var queue: [AuditEvent] = []
        var isStarted = false
        var isWriting = false
        var dropped = 0
    }

    /// Most events that wait for the thread; about a second of the fastest gateway.
    private static let capacity = 65_536

    /// How long the thread lets events gather, in microseconds; a killed gateway loses at most these.
    private static let gathering: UInt32 = 20_000

    private let folder: String
    private let retentionDays: Int
    private let logger: Logger
    private let state = Mutex(State())
    private let wake = Semaphore()

    /// `folder` must exist. `retentionDays` counts the days that are kept, today included.
    package init(folder: String, retentionDays: Int, logger: Logger) {
        self.folder = folder
        self.retentionDays = max(1, retentionDays)
        self.logger = logger
    }

    package func record(_ event: AuditEvent) {
        let (mustStart, isFirst) = state.withLock { state in
            guard state.queue.count < Self.capacity else {
                state.dropped += 1
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
        var day = ""
        while true {
            wake.wait()
            usleep(Self.gathering)
            let (events, dropped) = state.withLock { state in
                let taken = (state.queue, state.dropped)
                state.isWriting = !state.queue.isEmpty
                state.queue.removeAll(keepingCapacity: true)
                state.dropped = 0
                return taken
            }
            if dropped > 0 { report(dropped) }
            var rest = events[...]
            while let first = rest.first {
                let today = CivilDate(first.time).dayText
                if today != day {
                    day = today
                    removeExpired(now: first.time)
                }
                let dayNumber = Self.dayNumber(first.time)
                let ofToday = rest.prefix { Self.dayNumber($0.time) == dayNumber }
                append(ofToday, day: day)
                rest = rest.dropFirst(ofToday.count)
            }
            state.withLock { $0.isWriting = false }
        }
    }

    private func report(_ dropped: Int) {
        MetricsRegistry.shared.counter(
            "sallyport_audit_events_dropped_total", help: "Audit events that found the queue full."
        )
        .increment(by: UInt64(dropped))
        logger.error("audit events dropped", ["count": .integer(dropped)])
    }

    private func append(_ events: ArraySlice<AuditEvent>, day: String) {
        let descriptor = unsafe open(
            "\(folder)/\(day).jsonl", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            logger.error("audit trail cannot be written", ["errno": .integer(Int(errno))])
            return
        }
        defer { close(descriptor) }
        var rest = Self.lines(events)[...]
        while !rest.isEmpty {
            let written = unsafe rest.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
            let error = errno
            guard written > 0 else {
                if error == EINTR { continue }
                logger.error("audit trail cannot be written", ["errno": .integer(Int(error))])
                return
            }
            rest = rest.dropFirst(written)
        }
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
        guard let directory = unsafe opendir(folder) else { return }
        defer { unsafe closedir(directory) }
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name.utf8.count == 16, name.hasSuffix(".jsonl"), name.prefix(10) < oldest {
                unsafe unlink("\(folder)/\(name)")
            }
        }
    }
}
