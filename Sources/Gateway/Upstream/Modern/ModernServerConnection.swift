import AsyncIO
import JSON
import MCP
import OAuth
import Telemetry

/// A modern server (2026-07-28) as a legacy one, over any connection to it (mcp.md B1, "L→M").
///
/// Which era the server speaks turns out when the session begins (`+Opening`); a legacy one gets and gives its lines as they
/// are. For a modern one the handshake, pings, the log level and subscriptions end here; every other request gets the
/// envelope (`+Calls`), questions that come as results are put to the client as requests (`+Pump`), and one
/// `subscriptions/listen` serves all that the session watches (`+Listening`). Confined to the loop of its session, which also
/// sees to it that no call waits for ever: its deadlines arrive here as cancellations.
final class ModernServerConnection: ServerConnection {
    /// What is known of the server.
    enum Phase {
        /// Nobody said anything yet.
        case silent
        /// `initialize` is with the server.
        case introducing(Introduction)
        /// `server/discover` is.
        case discovering(Introduction)
        /// It speaks the era of the session: nothing is left to do here.
        case plain
        /// It speaks the modern one.
        case modern(LegacyClient, ServerIntroduction)
    }

    /// How a session began.
    struct Introduction {
        /// The session's `initialize`, a line.
        let line: [UInt8]
        let id: JSONRPCID
        let client: LegacyClient
        /// What the server answered to it, where that was an error.
        var refusal: [UInt8]?
        /// The number of `server/discover`, where that was asked before.
        var discovery: Int?
        /// Whether nothing came in answer to that in time.
        var wasSilent = false
        /// When to stop waiting for `server/discover`.
        var deadline: LoopInstant
        /// When it began.
        let began: LoopInstant
    }

    let inner: any ServerConnection
    let server: ServerDefinition
    let memory: EraMemory
    let loop: EventLoop
    var phase = Phase.silent
    /// Which era the client of the session is of: a server of both is spoken to in that one.
    private(set) var clientEra = Era.legacy
    /// Whether the server ended when it was asked for an era that it was not known to have.
    var diedOfQuestion = false
    /// The highest number that was used towards the server: beyond those of the session, whose `initialize` may be there too.
    var lastNumber = 1 << 32
    /// Calls by the session's ids, and those that the server works on by their numbers.
    var calls: [JSONRPCID: ModernCall] = [:]
    var working: [Int: ModernCall] = [:]
    /// Bytes of requests that are kept for their retries.
    var keptBytes = 0
    /// Who waits for the answer to which question to the client.
    var asked: [Int: ModernCall] = [:]
    var lastQuestion = 0
    /// The numbers of requests whose answers nobody waits for, of late.
    var dismissed: [Int] = []
    var logLevel: LoggingLevel?
    var outputs = ToolOutputs()
    var listening = ModernListening()
    /// What the session gets next.
    let outbox: LineOutbox
    private var timer: LoopTimer?

    init(_ inner: any ServerConnection, _ server: ServerDefinition, _ memory: EraMemory, on loop: EventLoop) {
        self.inner = inner
        self.server = server
        self.memory = memory
        self.loop = loop
        outbox = LineOutbox(on: loop)
    }

    var details: LogMetadata { inner.details }

    var waitingBytes: Int { inner.waitingBytes }

    // MARK: From the session

    func enqueue(_ line: [UInt8]) throws(IOError) -> Bool {
        if case .plain = phase { return try inner.enqueue(line) }
        guard let document = try? JSONDocument(parsing: Array(line.dropLast())),
            let message = try? JSONRPCMessage(document.root)
        else { return false }  // Nothing that a session says.
        defer { outbox.deliverSoon() }
        if case .modern(let client, let introduction) = phase {
            return try accept(message, client, introduction)
        }
        return try open(message, line)
    }

    func flush() throws(IOError) { try inner.flush() }

    func relayModern() -> ServerIntroduction? {
        guard case .modern(_, let introduction) = phase, calls.isEmpty, listening.isEmpty else { return nil }
        phase = .plain
        return introduction
    }

    var modernLeg: ModernLeg? {
        guard case .modern(_, let introduction) = phase else { return nil }
        return ModernLeg(hasTasks: introduction.hasTasks)
    }

    // MARK: From the server

    func listen(
        _ take: @escaping ([LineFramer.Line]) -> Void, lost: @escaping @Sendable (ConnectionLoss) -> Void
    ) {
        outbox.open(take)
        inner.listen({ [weak self] lines in self?.received(lines) }, lost: lost)
    }

    private func received(_ lines: [LineFramer.Line]) {
        if case .plain = phase, outbox.isEmpty {
            outbox.pass(lines)
            return
        }
        for line in lines { received(line) }
        outbox.deliver()
    }

    private func received(_ line: LineFramer.Line) {
        if case .plain = phase { return outbox.append(line) }
        guard case .complete(let bytes) = line, let document = try? JSONDocument(parsing: bytes),
            let message = try? JSONRPCMessage(document.root)
        else {
            // The session counts what is no use. Several messages in one line are an affair of the legacy era.
            if case .modern = phase { return emitUseless() }
            return outbox.append(line)
        }
        guard case .modern(let client, let introduction) = phase else { return opened(message, bytes) }
        switch message.kind {
        case .response: answered(message, client)
        case .notification: notified(message, client, introduction)
        // A modern server has no requests (d1), and nothing may be answered on its input.
        case .request: emitUseless()
        }
    }

    func holdOutput(_ isHeld: Bool) { inner.holdOutput(isHeld) }

    func canAnnounce() async -> Bool { await inner.canAnnounce() }

    // MARK: To the session

    func emit(_ message: [UInt8]) { outbox.append(.complete(message)) }

    /// Lets the session count a line of the server that is no use (P04), and see nothing of it.
    func emitUseless() { outbox.append(.oversized) }

    // MARK: Time

    /// Makes sure that ``tick()`` runs when the next thing is due.
    func arm() {
        guard let due = nextDue else { return }
        let timer = self.timer ?? LoopTimer(on: loop) { [weak self] in self?.tick() }
        self.timer = timer
        timer.start(after: due - EventLoop.preciseNow)
    }

    private var nextDue: LoopInstant? {
        var due = calls.values.lazy.compactMap(\.retriesAt).min()
        func consider(_ instant: LoopInstant?) { due = [due, instant].compactMap { $0 }.min() }
        if case .discovering(let introduction) = phase { consider(introduction.deadline) }
        consider(listening.nextDue)
        return due
    }

    private func tick() {
        let now = EventLoop.preciseNow
        if case .discovering(let introduction) = phase, introduction.deadline <= now {
            undiscovered(introduction, nil)
        }
        if case .modern(let client, _) = phase {
            for call in calls.values {
                if let at = call.retriesAt, at <= now { retry(call, client) }
            }
            tickListening(now, client)
        }
        arm()
        outbox.deliver()
    }

    // MARK: What the session says of itself

    func begins(for client: LegacySession.ClientKind) {
        clientEra = client == .bridged ? .modern : .legacy
        inner.begins(for: client)
    }

    func attribute(to requests: @escaping RequestsInProgress.Lookup) { inner.attribute(to: requests) }

    func used(by principal: Principal) { inner.used(by: principal) }

    func destination(of number: Int) -> CallDestination? {
        // The numbers of translated requests are ours.
        guard case .plain = phase else { return nil }
        return inner.destination(of: number)
    }

    // MARK: The end

    func end(after loss: ConnectionLoss) async -> SessionEnd {
        lostBeforeAnswer()
        outbox.deliver()
        let end = await inner.end(after: loss)
        return diedOfQuestion ? .misaddressed : end
    }

    func stop() async {
        timer = nil
        outbox.close()
        slowBeforeAnswer()
        await inner.stop()
    }
}
