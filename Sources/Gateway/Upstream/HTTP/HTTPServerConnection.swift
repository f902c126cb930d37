import AsyncIO
import HTTP
import MCP
import Telemetry

/// A session with a server behind HTTP, as a line of messages each way.
///
/// An actor on the loop of its session, whose calls therefore need not wait for it. The client below it starts a request
/// for each line; what the server says comes back through ``deliver(_:)``, which a session that is held up holds up.
actor HTTPServerConnection: ServerConnection {
    /// Where lines of the server go.
    // SAFETY: made, called and released on the loop of the session, where this actor lives.
    private struct Sink: @unchecked Sendable {
        let take: ([LineFramer.Line]) -> Void
        let lost: @Sendable (ConnectionLoss) -> Void
    }

    /// Most bytes of lines that wait for those before them.
    private static let maximumUnsent = 8 << 20

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    let server: ServerDefinition
    let endpoint: RemoteEndpoint
    let carrier: UpstreamCarrier
    private let fields: UpstreamFields
    private let memory: TransportMemory
    private let settings: StreamableHTTPSettings
    private let logger: Logger

    var pump: Task<Void, Never>?
    var upkeep: Task<Void, Never>?
    /// When somebody said something last.
    var heardAt = EventLoop.preciseNow
    /// Pings in a row that nothing came of, on a stream of events.
    var silences = 0
    /// Whether what the server says is kept on this side: by the bridge to modern clients, or where all servers become one. A
    /// legacy client that uses the server itself keeps what it likes.
    var isKept = true
    private(set) var client: StreamableHTTPClient?
    /// In its place where the server speaks 2024-11-05.
    private(set) var channel: EventChannelClient?
    /// What `initialize` is answered with, where the server knows no Streamable HTTP and nothing older either.
    private var refusal: [UInt8]?
    private var sink: Sink?
    private var requests: RequestsInProgress.Lookup?
    private var unsent: [[UInt8]] = []
    private var unsentBytes = 0
    private(set) var isStopped = false
    private var isHeld = false
    private var held: [CheckedContinuation<Void, Never>] = []
    /// Why the session is at its end, once it is.
    private var loss: SessionEnd?
    /// What happened last, for the log.
    private var lastFailure = ""

    init(
        _ server: ServerDefinition, _ endpoint: RemoteEndpoint, carrier: UpstreamCarrier, fields: UpstreamFields,
        memory: TransportMemory, maximumMessage: Int
    ) {
        loop = carrier.loop
        self.server = server
        self.endpoint = endpoint
        self.carrier = carrier
        self.fields = fields
        self.memory = memory
        var settings = StreamableHTTPSettings()
        settings.maximumMessage = maximumMessage
        settings.acceptTimeout = min(.seconds(10), server.callTimeout)
        settings.farewellTimeout = .seconds(2)
        settings.renewalTimeout = server.startTimeout
        // Whoever waits for a call that broke off is to know within half a second (F15).
        settings.resumptionDelay = .milliseconds(50)
        settings.resumptions = 3
        self.settings = settings
        logger = Logger(label: "gateway").with(["server": .string(server.name)])
    }

    // MARK: What the session asks

    nonisolated var details: LogMetadata {
        assumeIsolated { ["upstream": .string($0.endpoint.url.origin), "failure": .string($0.lastFailure)] }
    }

    nonisolated func enqueue(_ line: [UInt8]) throws(IOError) -> Bool {
        let result: Result<Bool, IOError> = assumeIsolated { $0.append(line) }
        return try result.get()
    }

    private func append(_ line: [UInt8]) -> Result<Bool, IOError> {
        guard !isStopped else { return .failure(.closed) }
        heardAt = loop.now
        let line = ServerBoundMessage.withoutIdentity(line)
        guard unsentBytes + line.count <= Self.maximumUnsent else { return .failure(.overloaded) }
        unsent.append(line)
        unsentBytes += line.count
        return .success(pump == nil && unsent.count == 1)
    }

    nonisolated func attribute(to requests: @escaping RequestsInProgress.Lookup) {
        assumeIsolated { $0.requests = requests }
    }

    nonisolated func begins(for client: LegacySession.ClientKind) {
        assumeIsolated { $0.isKept = client == .bridged }
    }

    nonisolated func flush() throws(IOError) {
        assumeIsolated { connection in
            if connection.pump == nil, !connection.unsent.isEmpty { connection.startPump() }
        }
    }

    nonisolated func listen(
        _ take: @escaping ([LineFramer.Line]) -> Void, lost: @escaping @Sendable (ConnectionLoss) -> Void
    ) {
        let sink = Sink(take: take, lost: lost)
        assumeIsolated { $0.begin(sink) }
    }

    private func begin(_ sink: Sink) {
        self.sink = sink
        if endpoint.transport == .eventChannel || (endpoint.transport == .automatic && memory.usesEventChannel) {
            channel = makeChannel()
            startUpkeep()
            return
        }
        client = StreamableHTTPClient(
            endpoint: endpoint.url, http: carrier, authorizer: fields, logger: logger, settings: settings,
            explain: { [weak self] in await self?.explain($0, $1) }, deliver: { [weak self] in await self?.deliver($0) }
        )
        startUpkeep()
    }

    private func makeChannel() -> EventChannelClient {
        EventChannelClient(
            endpoint: endpoint.url, http: carrier, authorizer: fields, logger: logger, settings: settings,
            explain: { [weak self] in await self?.explain($0, $1) },
            deliver: { [weak self] in await self?.deliver($0) },
            lost: { [weak self] in await self?.channelEnded() })
    }

    /// How long the server may take to say whether it has a stream for what it announces.
    private static let announcementLimit = Duration.seconds(2)

    func canAnnounce() async -> Bool { await client?.hasGeneralStream(within: Self.announcementLimit) ?? true }

    nonisolated func holdOutput(_ isHeld: Bool) {
        assumeIsolated { $0.hold(isHeld) }
    }

    private func hold(_ isHeld: Bool) {
        self.isHeld = isHeld
        guard !isHeld else { return }
        let waiting = held
        held = []
        for continuation in waiting { continuation.resume() }
    }

    func end(after loss: ConnectionLoss) -> SessionEnd { self.loss ?? .connectionLost }

    func stop() async {
        isStopped = true
        sink = nil
        unsent = []
        hold(false)
        pump?.cancel()
        upkeep?.cancel()
        await client?.close(within: .zero)
        client = nil
        await channel?.close()
        channel = nil
    }

    // MARK: Lines

    func runPump() async {
        while !isStopped, !unsent.isEmpty {
            let line = unsent.removeFirst()
            unsentBytes -= line.count
            await hand(line)
        }
        pump = nil
    }

    private func hand(_ line: [UInt8]) async {
        if let channel { return await channel.accept(line) }
        await client?.accept(line)
        guard let refusal else { return }
        self.refusal = nil
        let channel = makeChannel()
        do throws(ExchangeFailure) {
            try await channel.open()
        } catch {
            // Neither: it is the first refusal that counts.
            return await deliver(refusal)
        }
        memory.learned(usesEventChannel: true)
        self.channel = channel
        await client?.close(within: .zero)
        client = nil
        await channel.accept(line)
    }

    func channelEnded(_ reason: String = "the stream ended") {
        guard !isStopped else { return }
        lastFailure = reason
        _ = lose(.connectionLost)
    }

    private func deliver(_ text: [UInt8]) async {
        heardAt = loop.now
        while isHeld, !isStopped {
            await withCheckedContinuation { continuation in
                // It may have gone on before this is run.
                if isHeld, !isStopped { held.append(continuation) } else { continuation.resume() }
            }
        }
        sink?.take([.complete(text)])
    }

    // MARK: Failures

    /// What whoever sent `message` is told. What it names is the server; what it said, and where it is, is for the log.
    private func explain(_ failure: ExchangeFailure, _ message: JSONRPCMessage) -> JSONRPCError? {
        if lastFailure.isEmpty {
            var details: LogMetadata = ["reason": .string(failure.reason)]
            requests?(nil).mark(&details)
            logger.warning("a request to a server behind HTTP failed", details)
        }
        lastFailure = failure.reason
        if message.isMethod("initialize") { return explainGreeting(failure, message) }
        if failure.cause == .sessionEnded { return lose(.forgotten) }
        let words = Self.words(failure.cause, server.name)
        guard message.isMethod("server/discover") else { return JSONRPCError(.internalError, words) }
        return failure.cause.isNotUnderstood ? .unknownMethod : JSONRPCError(.unreachable, words)
    }

    /// A server that does not understand the handshake may speak 2024-11-05, or know the modern era alone (d4).
    private func explainGreeting(_ failure: ExchangeFailure, _ message: JSONRPCMessage) -> JSONRPCError? {
        // What was remembered may not be so any more.
        if channel != nil { memory.learned(usesEventChannel: false) }
        // One user who is not let in says nothing about the server for others.
        if case .status(let code) = failure.cause, [401, 403, 407, 429].contains(code) {
            return JSONRPCError(.internalError, Self.words(failure.cause, server.name))
        }
        guard channel == nil, failure.cause.isNotUnderstood else { return lose(.unreachable) }
        let error = JSONRPCError(.internalError, Self.words(failure.cause, server.name))
        guard endpoint.transport == .automatic else { return error }
        refusal = error.response(to: message.exactID)
        return nil
    }

    /// The session is at its end, which answers everybody who waits.
    private func lose(_ end: SessionEnd) -> JSONRPCError? {
        if loss == nil { loss = end }
        sink?.lost(.outputEnded)
        return nil
    }

    private static func words(_ cause: ExchangeFailure.Cause, _ server: String) -> String {
        switch cause {
        case .transport: "The server \"\(server)\" cannot be reached"
        case .status(let code): "The server \"\(server)\" answered with the HTTP status \(code)"
        case .cut: "The connection to the server \"\(server)\" broke before the answer"
        case .unreadable: "The server \"\(server)\" answered something that is not MCP"
        case .sessionEnded: SessionEnd.forgotten.message(server)
        case .noCredential: "The server \"\(server)\" cannot be asked"
        }
    }
}
