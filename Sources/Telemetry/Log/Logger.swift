/// Writes structured log lines: a constant message and metadata. Values of peers go into metadata, where they are
/// bounded and escaped, never into the message.
package struct Logger: Sendable {
    private let label: String
    private let sink: LogSink
    private let threshold: LogThreshold
    private let metadata: LogMetadata

    /// A logger for one part of the program; `label` is written as `module`, one of ``LogModule`` where the program serves.
    package init(label: StaticString, sink: LogSink = .standard) {
        let label = label.description
        self.init(label: label, sink: sink, threshold: sink.threshold(of: label), metadata: [:])
    }

    private init(label: String, sink: LogSink, threshold: LogThreshold, metadata: LogMetadata) {
        self.label = label
        self.sink = sink
        self.threshold = threshold
        self.metadata = metadata
    }

    /// The same logger with `more` on every line.
    package func with(_ more: LogMetadata) -> Logger {
        var merged = metadata
        merged.merge(more)
        return Logger(label: label, sink: sink, threshold: threshold, metadata: merged)
    }

    /// Whether a line of `level` would be written: for work that is done only to be logged.
    package func isEnabled(_ level: LogLevel) -> Bool { threshold.admits(level) }

    package func trace(_ message: StaticString, _ metadata: @autoclosure () -> LogMetadata = [:]) {
        log(.trace, message, metadata)
    }

    package func debug(_ message: StaticString, _ metadata: @autoclosure () -> LogMetadata = [:]) {
        log(.debug, message, metadata)
    }

    package func info(_ message: StaticString, _ metadata: @autoclosure () -> LogMetadata = [:]) {
        log(.info, message, metadata)
    }

    package func notice(_ message: StaticString, _ metadata: @autoclosure () -> LogMetadata = [:]) {
        log(.notice, message, metadata)
    }

    package func warning(_ message: StaticString, _ metadata: @autoclosure () -> LogMetadata = [:]) {
        log(.warning, message, metadata)
    }

    package func error(_ message: StaticString, _ metadata: @autoclosure () -> LogMetadata = [:]) {
        log(.error, message, metadata)
    }

    /// Writes a line of the access log.
    package func access(_ record: AccessRecord) {
        guard threshold.admits(.info) else { return }
        sink.write(record, of: label)
    }

    private func log(_ level: LogLevel, _ message: StaticString, _ more: () -> LogMetadata) {
        guard threshold.admits(level) else { return }
        var merged = metadata
        merged.merge(more())
        sink.write(LogLine(level: level, label: label, message: message.description, metadata: merged))
    }
}
