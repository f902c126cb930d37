import Synchronization

/// Where log lines go. The standard one writes to standard error from a thread of its own, so that a full pipe
/// stalls nothing but the log.
package final class LogSink: Sendable {
    /// Standard error.
    package static let standard = LogSink(descriptor: 2)

    private let writer: LineWriter?
    private let capture: (@Sendable (LogLine) -> Void)?
    private let isTerminal: Bool
    private let thresholds: LogThresholds
    private let format: Format

    /// Which of the two forms is written; shared with the writer, which has a line of its own to tell of losses.
    private final class Format: Sendable {
        let isJSON: Atomic<Bool>
        let clock = WallClock.system

        init(isJSON: Bool) { self.isJSON = Atomic(isJSON) }

        func bytes(_ line: LogLine) -> [UInt8] {
            isJSON.load(ordering: .relaxed) ? line.json(at: clock.now()) : line.text(at: clock.now())
        }
    }

    /// Writes to `descriptor`, which must stay open as long as the program runs. At most `capacity` bytes wait.
    package init(descriptor: Int32, capacity: Int = 4 << 20) {
        isTerminal = Terminal.isTerminal(descriptor)
        let format = Format(isJSON: !isTerminal)
        self.format = format
        capture = nil
        thresholds = LogThresholds(LogLevels())
        // From the start on, at 0: a number that first shows with its loss shows no growth.
        let dropped = MetricsRegistry.shared.counter(
            "sallyport_log_lines_dropped_total", help: "Log lines that found the queue full.")
        writer = LineWriter(descriptor: descriptor, capacity: capacity) { count in
            dropped.increment(by: UInt64(count))
            let metadata: LogMetadata = ["count": .integer(count)]
            return format.bytes(
                LogLine(level: .warning, label: "telemetry", message: "log lines dropped", metadata: metadata))
        }
    }

    /// A sink that hands each line to `capture`, on the thread that logs: for tests.
    package init(level: LogLevel = .trace, capture: @escaping @Sendable (LogLine) -> Void) {
        writer = nil
        isTerminal = false
        self.capture = capture
        format = Format(isJSON: true)
        thresholds = LogThresholds(LogLevels(level))
    }

    /// What decides for the loggers of a module.
    func threshold(of module: String) -> LogThreshold { thresholds.threshold(of: module) }

    /// Applies the configuration's `logging` block.
    package func configure(format: LogFormat, levels: LogLevels) {
        thresholds.set(levels)
        switch format {
        case .auto: self.format.isJSON.store(!isTerminal, ordering: .relaxed)
        case .text: self.format.isJSON.store(false, ordering: .relaxed)
        case .json: self.format.isJSON.store(true, ordering: .relaxed)
        }
    }

    /// Queues one line. Never blocks; a line that finds the queue full is counted and dropped.
    package func write(_ line: LogLine) {
        if let capture {
            capture(line)
            return
        }
        writer?.write(format.bytes(line))
    }

    /// Queues a line of the access log: as JSON without a tree of values, and without waking anybody for it.
    func write(_ record: AccessRecord, of label: String) {
        guard let writer, format.isJSON.load(ordering: .relaxed) else {
            return write(
                LogLine(level: .info, label: label, message: AccessRecord.message, metadata: record.metadata))
        }
        var members: [UInt8] = []
        members.reserveCapacity(AccessRecord.usualLength)
        record.append(to: &members, label: label)
        writer.gather(members, at: format.clock.now())
    }

    /// Waits until everything queued is written, at most one second: the last act of the program.
    package func flush() {
        writer?.flush()
    }
}
