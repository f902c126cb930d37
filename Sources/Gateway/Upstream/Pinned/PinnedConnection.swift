import AsyncIO
import Crypto
import JSON
import MCP
import OAuth
import Telemetry

/// The way to a server whose definitions of tools are pinned. Lists go through ``PinBook``; where pins are enforced they lose what
/// is not approved, and a call goes on only when the server has said what the tool is and that is approved. A call that comes
/// before any list waits until this connection has asked for one itself.
///
/// Knows both eras: it stands below what translates between them. `+Calls` is what goes to the server, `+Lists` what comes.
final class PinnedConnection: ServerConnection, @unchecked Sendable {
    // SAFETY: what changes is used on `loop` alone: by the session, by what the inner connection delivers there, and by what the
    // book puts there with `execute` (PinTests).

    /// A call that waits until the tools are known.
    struct Held {
        let number: Int
        let name: [UInt8]
        let line: [UInt8]
    }

    /// A list that this connection asks for.
    struct Learning {
        var number: Int
        /// JSON text of the parameters, without the cursor: what the era wants.
        let meta: [UInt8]?
        var tools: [[UInt8]: Digest] = [:]
        var pages = 0
        /// Whether the server said meanwhile that its tools have changed.
        var isOutdated = false
    }

    let inner: any ServerConnection
    let book: PinBook
    let loop: EventLoop
    /// What the server has said of its tools; an entry that it does not say any more stays until all are asked for again.
    var seen: [[UInt8]: Digest] = [:]
    /// Whether `seen` is everything, and nothing says that it has changed.
    var isKnown = false
    var learning: Learning?
    /// How often in a row a list changed while it was asked for.
    var repetitions = 0
    var held: [Held] = []
    var heldBytes = 0
    /// Requests of the session for a list, by their numbers: whether for its first page.
    var lists: [Int: Bool] = [:]
    var introductions: Set<Int> = []
    /// `subscriptions/listen` that asked for changes of the tools.
    var listens: Set<Int> = []
    /// Whether the server said that it announces changes (legacy era).
    var announces = false
    /// Which of `seen` clients had.
    var shown: Set<[UInt8]> = []
    /// Ids of requests of this connection's own, beyond those of whoever is above.
    var lastNumber = 1 << 40
    /// What the session gets next.
    let outbox: LineOutbox
    private var watcher: Int?

    init(_ inner: any ServerConnection, _ book: PinBook, on loop: EventLoop) {
        self.inner = inner
        self.book = book
        self.loop = loop
        outbox = LineOutbox(on: loop)
    }

    var enforces: Bool { book.mode == .enforce }

    var details: LogMetadata { inner.details }

    func enqueue(_ line: [UInt8]) throws(IOError) -> Bool {
        guard let document = try? JSONDocument(parsing: line), let message = try? JSONRPCMessage(document.root) else {
            return false  // Nothing that a session says.
        }
        return try accept(message, line)
    }

    func flush() throws(IOError) { try inner.flush() }

    func listen(
        _ take: @escaping ([LineFramer.Line]) -> Void, lost: @escaping @Sendable (ConnectionLoss) -> Void
    ) {
        outbox.open(take)
        if enforces {
            watcher = book.watch { [weak self, loop] in
                loop.execute { [weak self] in self?.approvalsChanged() }
            }
        }
        inner.listen({ [weak self] lines in self?.received(lines) }, lost: lost)
    }

    func holdOutput(_ isHeld: Bool) { inner.holdOutput(isHeld) }

    func canAnnounce() async -> Bool { await inner.canAnnounce() }

    func end(after loss: ConnectionLoss) async -> SessionEnd { await inner.end(after: loss) }

    func stop() async {
        outbox.close()
        held = []
        if let watcher { book.unwatch(watcher) }
        watcher = nil
        await inner.stop()
    }

    func begins(for client: LegacySession.ClientKind) { inner.begins(for: client) }

    func attribute(to requests: @escaping RequestsInProgress.Lookup) { inner.attribute(to: requests) }

    func announce(_ number: Int, for request: RequestID) { inner.announce(number, for: request) }

    func used(by principal: Principal) { inner.used(by: principal) }

    func destination(of number: Int) -> CallDestination? { inner.destination(of: number) }

    // MARK: To the session

    func emit(_ message: [UInt8]) { outbox.append(.complete(message)) }

    func pass(_ line: LineFramer.Line) { outbox.append(line) }
}
