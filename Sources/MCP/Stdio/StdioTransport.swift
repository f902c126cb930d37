package import AsyncIO
package import Telemetry

/// The stdio transport to one child process: lines in, lines out, complaints to the log.
///
/// Confined to the loop of the child.
package final class StdioTransport {
    /// Most bytes that may wait for a server that does not read its input.
    private static let maximumUnsent = 8 << 20

    private let child: ChildProcess
    private var framer: LineFramer
    private var errors: StandardErrorTail
    /// Lines that wait for ``flush()``.
    private var outgoing: [UInt8] = []

    /// Takes over a child that has just been started.
    package init(_ child: ChildProcess, maximumLine: Int, logger: Logger) {
        self.child = child
        framer = LineFramer(maximumBytes: maximumLine)
        errors = StandardErrorTail(logger: logger, now: EventLoop.preciseNow)
    }

    /// The number of the process.
    package var pid: Int32 { child.pid }

    /// What the server complained last; for the operator's log, never for a peer.
    package var complaints: String { errors.tail() }

    /// Takes a line, newline included, for the next ``flush()``: many lines cost one system call.
    ///
    /// - Returns: whether it is the first one, whose sender is to flush.
    package func enqueue(_ line: [UInt8]) throws(IOError) -> Bool {
        guard child.standardInput.unsentBytes + outgoing.count + line.count <= Self.maximumUnsent else {
            throw .overloaded
        }
        if outgoing.isEmpty {
            outgoing = line
            return true
        }
        outgoing += line
        return false
    }

    /// Hands what was enqueued to the server without waiting for it to read.
    package func flush() throws(IOError) {
        guard !outgoing.isEmpty else { return }
        let lines = outgoing
        outgoing = []
        try child.standardInput.writeWithoutWaiting(lines)
    }

    /// Hands a line, newline included, to the server at once.
    package func send(_ line: [UInt8]) throws(IOError) {
        _ = try enqueue(line)
        try flush()
    }

    /// The next lines that the server wrote; nil when it has closed its output.
    package func receive() async throws(IOError) -> [LineFramer.Line]? {
        guard let bytes = try await child.standardOutput.read() else { return nil }
        return framer.feed(bytes)
    }

    /// Reads what the server complains until it ends.
    package func drainErrors() async {
        // An error ends the stream like its end does: there is nothing more to read.
        while let bytes = try? await child.standardError.read() {
            errors.append(bytes, now: EventLoop.preciseNow)
        }
    }

    /// How the process ended, if it has.
    package func exitStatus() async -> ChildProcess.ExitStatus? { await child.exitStatus }

    /// Waits for its end.
    package func wait() async -> ChildProcess.ExitStatus { await child.wait() }

    /// Whether it ended within `limit`.
    package func hasExited(within limit: Duration) async -> Bool { await child.hasExited(within: limit) }

    /// Closes its input, then stops the whole tree (P07).
    package func stop() async { await child.stop() }
}
