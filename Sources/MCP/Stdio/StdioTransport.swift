package import AsyncIO
package import Telemetry

/// The stdio transport to one child process: lines in, lines out, complaints to the log.
///
/// Confined to the loop of the child.
package final class StdioTransport {
    /// Most bytes that may wait for a server that does not read its input.
    package static let maximumUnsent = 8 << 20

    private let child: ChildProcess
    private var framer: LineFramer
    private var errors: StandardErrorTail
    private var requests: RequestsInProgress.Lookup?
    /// Lines that wait for ``flush()``.
    private var outgoing: [UInt8] = []

    /// Takes over a child that has just been started, or waited: `complaints` is what it complained meanwhile.
    package init(_ child: ChildProcess, maximumLine: Int, logger: Logger, complaints: StandardErrorTail? = nil) {
        self.child = child
        framer = LineFramer(maximumBytes: maximumLine)
        errors = complaints ?? StandardErrorTail(logger: logger, now: EventLoop.preciseNow)
    }

    /// Where it lives.
    package var loop: EventLoop { child.loop }

    /// Bytes that wait until the server reads them.
    package var unsentBytes: Int { child.standardInput.unsentBytes + outgoing.count }

    /// The number of the process.
    package var pid: Int32 { child.pid }

    /// What the server complained last; for the operator's log, never for a peer.
    package var complaints: String { errors.tail() }

    /// Says whose requests the server works on, for the log of what it complains.
    package func attribute(to requests: @escaping RequestsInProgress.Lookup) { self.requests = requests }

    /// Takes a line, newline included, for the next ``flush()``: many lines cost one system call.
    ///
    /// - Returns: whether it is the first one, whose sender is to flush.
    package func enqueue(_ line: [UInt8]) throws(IOError) -> Bool {
        guard unsentBytes + line.count <= Self.maximumUnsent else { throw .overloaded }
        let isFirst = outgoing.isEmpty
        if isFirst { outgoing = child.loop.takeBuffer() }
        outgoing += line
        return isFirst
    }

    /// Hands what was enqueued to the server without waiting for it to read.
    package func flush() throws(IOError) {
        guard !outgoing.isEmpty else { return }
        var lines: [UInt8] = []
        swap(&lines, &outgoing)
        defer { child.loop.giveBack(&lines) }
        try child.standardInput.writeWithoutWaiting(lines)
        child.loop.expectSoon()
    }

    /// Hands the lines that the server writes to `take`, on the loop, and then once to `ended` how its output ended: nil
    /// when it was closed. Also keeps what the server complains. ``stop()`` ends both.
    package func listen(
        _ take: @escaping ([LineFramer.Line]) -> Void, ended: @escaping (IOError?) -> Void
    ) {
        child.standardOutput.deliver(
            to: { [weak self] bytes in
                guard let self else { return }
                take(framer.feed(bytes))
            }, ended: ended)
        child.standardError.deliver(
            to: { [weak self] bytes in
                guard let self else { return }
                errors.append(bytes, now: EventLoop.preciseNow, for: requests)
            },
            // How it ends does not matter: there is nothing more to read.
            ended: { _ in })
    }

    /// Reads no further lines until told to go on: the pipe fills and holds the server back.
    package func holdOutput(_ isHeld: Bool) { child.standardOutput.holdDelivery(isHeld) }

    /// How the process ended, if it has.
    package func exitStatus() async -> ChildProcess.ExitStatus? { await child.exitStatus }

    /// Calls `handler` on the loop when the process has ended.
    package func whenExited(_ handler: @escaping @Sendable () -> Void) { child.whenExited(handler) }

    /// Whether it ended within `limit`.
    package func hasExited(within limit: Duration) async -> Bool { await child.hasExited(within: limit) }

    /// Closes its input, then stops the whole tree (P07).
    package func stop() async { await child.stop() }
}
