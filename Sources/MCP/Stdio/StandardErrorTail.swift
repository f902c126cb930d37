package import AsyncIO
package import Telemetry

/// What a server complained last: a bounded memory for error texts, and a log that a chatty server cannot flood (P03).
package struct StandardErrorTail: Sendable {
    /// Bytes that are remembered.
    package static let capacity = 64 << 10
    private static let burst = 20.0
    private static let linesPerSecond = 5.0
    private static let maximumLine = 1024

    private var memory: [UInt8] = []
    private var line: [UInt8] = []
    private var allowance = StandardErrorTail.burst
    private var refilled: LoopInstant
    private var suppressed = 0
    private let logger: Logger

    package init(logger: Logger, now: LoopInstant) {
        self.logger = logger
        refilled = now
    }

    /// The last `count` bytes as text.
    package func tail(_ count: Int = 2048) -> String {
        String(decoding: memory.suffix(count), as: UTF8.self)
    }

    /// Takes what was read; each line of the log says on which `requests` the server works.
    package mutating func append(_ bytes: [UInt8], now: LoopInstant, for requests: RequestsInProgress.Lookup? = nil) {
        remember(bytes)
        var start = 0
        while let end = LineFramer.newline(in: bytes, from: start) {
            keep(bytes[start..<end])
            log(now, requests)
            start = end + 1
        }
        keep(bytes[start...])
    }

    private mutating func keep(_ part: ArraySlice<UInt8>) {
        line += part.prefix(Self.maximumLine - line.count)
    }

    private mutating func remember(_ bytes: [UInt8]) {
        if bytes.count >= Self.capacity {
            memory = Array(bytes.suffix(Self.capacity))
            return
        }
        if memory.count + bytes.count > Self.capacity { memory.removeFirst(memory.count + bytes.count - Self.capacity) }
        memory += bytes
    }

    private mutating func log(_ now: LoopInstant, _ requests: RequestsInProgress.Lookup?) {
        defer { line.removeAll(keepingCapacity: true) }
        if line.isEmpty { return }
        let (seconds, attoseconds) = (now - refilled).components
        refilled = now
        allowance = min(Self.burst, allowance + (Double(seconds) + Double(attoseconds) / 1e18) * Self.linesPerSecond)
        guard allowance >= 1 else {
            suppressed += 1
            return
        }
        allowance -= 1
        var metadata: LogMetadata = ["text": .string(String(decoding: line, as: UTF8.self))]
        requests?(nil).mark(&metadata)
        if suppressed > 0 { metadata["suppressed"] = .integer(suppressed) }
        suppressed = 0
        logger.info("stderr of the server", metadata)
    }
}
