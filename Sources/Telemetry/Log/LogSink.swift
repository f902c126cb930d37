import Synchronization

/// Where log lines go. The standard one writes to standard error from a thread of its own, so that a full pipe
/// stalls nothing but the log.
package final class LogSink: Sendable {
    /// Standard error.
    package static let standard = LogSink(writer: LineWriter(descriptor: 2), isTerminal: Terminal.isTerminal(2))

    private let writer: LineWriter?
    private let capture: (@Sendable (LogLine) -> Void)?
    private let isTerminal: Bool
    private let minimum = Atomic<Int>(LogLevel.info.rawValue)
    private let usesJSON: Atomic<Bool>
    private let clock = WallClock.system

    init(writer: LineWriter, isTerminal: Bool) {
        self.writer = writer
        self.isTerminal = isTerminal
        capture = nil
        usesJSON = Atomic(!isTerminal)
    }

    /// A sink that hands each line to `capture`, on the thread that logs: for tests.
    package init(level: LogLevel = .trace, capture: @escaping @Sendable (LogLine) -> Void) {
        writer = nil
        isTerminal = false
        self.capture = capture
        usesJSON = Atomic(true)
        minimum.store(level.rawValue, ordering: .relaxed)
    }

    /// The lowest level that is written.
    package var level: LogLevel { LogLevel(rawValue: minimum.load(ordering: .relaxed)) ?? .info }

    /// Applies the configuration's `logging` block.
    package func configure(format: LogFormat, level: LogLevel) {
        minimum.store(level.rawValue, ordering: .relaxed)
        switch format {
        case .auto: usesJSON.store(!isTerminal, ordering: .relaxed)
        case .text: usesJSON.store(false, ordering: .relaxed)
        case .json: usesJSON.store(true, ordering: .relaxed)
        }
    }

    /// Queues one line. Never blocks; a line that finds the queue full is counted and dropped.
    package func write(_ line: LogLine) {
        if let capture {
            capture(line)
            return
        }
        let now = clock.now()
        writer?.write(usesJSON.load(ordering: .relaxed) ? line.json(at: now) : line.text(at: now))
    }

    /// Waits until everything queued is written, at most one second: the last act of the program.
    package func flush() {
        writer?.flush()
    }
}
