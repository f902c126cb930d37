import AsyncIO
import Synchronization
import Telemetry

/// The connection of one loop to the shared store: pipelined, made again when it is lost, and quick to say when it is
/// down.
///
/// While the first attempt after a loss runs, callers wait for it; once it has failed they are refused at once (F09) until
/// an attempt in the background succeeds. An actor on the loop, because it owns a socket.
actor RedisConnection {
    /// How long a command may take from the moment it is sent (F10).
    static let commandLimit = Duration.seconds(1)
    /// How long callers wait for an attempt to connect.
    static let waitLimit = Duration.milliseconds(1500)

    private enum Phase {
        case connecting
        case ready(RedisLink, requiredReplicas: Int)
        case broken(String)
        case closed
    }

    typealias Caller = CheckedContinuation<Result<RESPValue, RedisFailure>, Never>

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    /// Whether it stands, for callers on every loop that choose one; by the time they use it that may have changed.
    nonisolated let isReady = Atomic<Bool>(false)

    let dialer: RedisDialer
    private let logger: Logger
    private var phase = Phase.connecting {
        didSet {
            let stands = if case .ready = phase { true } else { false }
            isReady.store(stands, ordering: .relaxed)
        }
    }
    private var pipeline = RedisPipeline<Caller>()
    private var isFlushScheduled = false
    private var timer: LoopTimer?
    private var replicaPause: LoopInstant?

    init(dialer: RedisDialer, loop: EventLoop, logger: Logger) {
        self.dialer = dialer
        self.loop = loop
        self.logger = logger
    }

    /// Sends a command and returns its reply. Not ended by cancellation: every wait in here has a deadline.
    func perform(_ command: [UInt8], isDurable: Bool) async -> Result<RESPValue, RedisFailure> {
        switch phase {
        case .broken(let reason): return .failure(.unreachable(reason))
        case .closed: return .failure(.unreachable("the store is closed"))
        case .connecting, .ready: break
        }
        if isDurable, let replicaPause, EventLoop.preciseNow < replicaPause {
            return .failure(.unreachable(RedisPipeline<Caller>.unconfirmed))
        }
        return await withCheckedContinuation { caller in
            let request = RedisPipeline<Caller>.Request(bytes: command, isDurable: isDurable, caller: caller)
            guard pipeline.add(request) else {
                return caller.resume(returning: .failure(.unreachable("too many operations are waiting")))
            }
            scheduleFlush()
        }
    }

    /// Drops the connection, because its server turned out to be the wrong one.
    func reconnect() {
        if case .ready(let link, _) = phase { link.stream.close() }
    }

    /// Ends it for good.
    func close() {
        if case .ready(let link, _) = phase { link.stream.close() }
        phase = .closed
        timer = nil
        answer(pipeline.fail("the store is closed"))
    }

    /// Whether `close()` was called.
    var isClosed: Bool { if case .closed = phase { true } else { false } }

    // MARK: - What the supervisor tells

    /// An attempt begins that callers wait for, so long.
    func willConnect() {
        guard !isClosed else { return }
        phase = .connecting
        start(after: Self.waitLimit)
    }

    /// A connection stands: what waited goes out.
    func didConnect(_ link: RedisLink, _ facts: RedisServerFacts) {
        guard !isClosed else { return link.stream.close() }
        timer = nil
        replicaPause = nil
        if case .broken = phase { logger.notice("the shared store can be reached again") }
        let required = dialer.location.requiredReplicas(connected: facts.replicas)
        phase = .ready(link, requiredReplicas: required)
        flush()
    }

    /// An attempt has failed: from now on callers are refused at once.
    func didFail(_ failure: RedisFailure) {
        guard !isClosed else { return }
        // Once for each reason: an attempt is made several times a second.
        let isKnown = if case .broken(failure.detail) = phase { true } else { false }
        if !isKnown { logger.error("the shared store cannot be reached", ["reason": .string(failure.detail)]) }
        timer = nil
        phase = .broken(failure.detail)
        answer(pipeline.fail(failure.detail))
    }

    /// Reads replies until the connection is gone; whoever was in flight learns that nobody knows.
    func serve(_ link: RedisLink) async {
        var reason = "the connection was closed"
        reading: while case .ready = phase {
            do throws(IOError) {
                for reply in try await link.receive() {
                    guard let answers = pipeline.receive(reply) else { break reading }
                    answer(answers)
                }
                watch()
            } catch {
                reason = error.description
                break
            }
        }
        link.stream.close()
        guard !isClosed else { return }
        phase = .connecting
        timer = nil
        answer(pipeline.lose(reason))
    }

    // MARK: - Steps

    private func scheduleFlush() {
        guard case .ready = phase, !isFlushScheduled else { return }
        isFlushScheduled = true
        // What others ask in this turn of the loop goes out in the same write.
        loop.execute { self.assumeIsolated { $0.flush() } }
    }

    private func flush() {
        isFlushScheduled = false
        guard case .ready(let link, let required) = phase else { return }
        let bytes = pipeline.flush(requiredReplicas: required, deadline: EventLoop.preciseNow + Self.commandLimit)
        guard !bytes.isEmpty else { return }
        // A stream that failed is noticed by the reader.
        _ = try? link.stream.writeWithoutWaiting(bytes)
        watch()
    }

    /// Ends the connection when the oldest command has waited too long: a peer that is gone without a word (F10).
    private func watch() {
        guard timer == nil, let deadline = pipeline.deadline else { return }
        start(after: deadline - EventLoop.preciseNow)
    }

    private func start(after delay: Duration) {
        timer = loop.scheduled(after: delay) { [weak self] in self?.assumeIsolated { $0.timeIsUp() } }
    }

    private func timeIsUp() {
        timer = nil
        switch phase {
        case .connecting: didFail(.unreachable("connecting takes too long"))
        case .ready(let link, _):
            guard let deadline = pipeline.deadline else { return }
            if deadline <= EventLoop.preciseNow { link.stream.close() } else { watch() }
        case .broken, .closed: break
        }
    }

    private func answer(_ answers: [RedisPipeline<Caller>.Answer]) {
        for (caller, result) in answers {
            if case .failure(.lost(RedisPipeline<Caller>.unconfirmed)) = result {
                // Reads go on; writes would only wait for a replica that is not there.
                replicaPause = EventLoop.preciseNow + .milliseconds(500)
            }
            caller.resume(returning: result)
        }
    }
}
