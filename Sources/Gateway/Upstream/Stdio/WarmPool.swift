import AsyncIO
import MCP
import Telemetry

/// Processes of a server that stand started before anybody asks for one (`pool.prespawn`), each for one session.
///
/// Nothing has been said to them and nobody has had one: the handshake is its client's own, with its client's capabilities
/// (decision 0102). Those that are taken are replaced in the background, and so are those that end, with growing pauses.
/// An actor on the loop of their pipes, which they leave for that of their session; `WarmPoolSupervisor` has what it does by
/// itself.
actor WarmPool {
    /// A process that waits for its session.
    struct Spare: Sendable {
        let child: ChildProcess
        var complaints: StandardErrorTail
    }

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    nonisolated let server: ServerDefinition
    nonisolated let slots: ProcessSlots
    nonisolated let program: ServerProgram
    nonisolated let starts: StartRecord
    nonisolated let logger: Logger
    /// How many stand ready.
    nonisolated let gauge: Gauge
    /// Only deaths of those that nobody took count: a client that comes meanwhile finds out for itself.
    nonisolated let backoff = StartBackoff()

    /// Oldest first.
    var spares: [Spare] = []
    /// Whether one is being started; never more than one at a time.
    var isStarting = false
    var isStopped = false
    /// Runs until the next attempt.
    var timer: LoopTimer?
    /// Waits for the one that is being started.
    var taker: CheckedContinuation<Void, Never>?
    /// Wait until nothing is being started any more.
    var stoppers: [CheckedContinuation<Void, Never>] = []

    init(
        _ server: ServerDefinition, _ program: ServerProgram, slots: ProcessSlots, starts: StartRecord,
        metrics: MetricsRegistry, logger: Logger, on loop: EventLoop
    ) {
        self.server = server
        self.program = program
        self.slots = slots
        self.starts = starts
        self.logger = logger
        self.loop = loop
        gauge = metrics.gauge(
            "sallyport_prespawned_processes", help: "Processes that wait for a session.",
            labels: [("server", server.name)])
    }

    /// A process for a session that has a place, its pipes on `loop`, and what it complained so far; nil where none stands
    /// ready or is about to.
    func take(on loop: EventLoop) async -> Spare? {
        while !isStopped {
            guard spares.isEmpty else {
                let spare = spares.removeFirst()
                gauge.set(spares.count)
                // It worked at least once.
                backoff.succeeded()
                replace()
                do throws(ChildProcess.SpawnError) {
                    return Spare(child: try await spare.child.moved(to: loop), complaints: spare.complaints)
                } catch {
                    // It has just ended. The session keeps its place, be it for the next one.
                    slots.giveBackSpare(server)
                    continue
                }
            }
            guard isStarting, taker == nil else { return nil }
            await withCheckedContinuation { continuation in
                // Others had their turn before this one.
                guard isStarting, taker == nil else { return continuation.resume() }
                taker = continuation
            }
        }
        return nil
    }

    /// Whoever waits for a start looks again.
    func wakeTaker() {
        let waiting = taker
        taker = nil
        waiting?.resume()
    }

    /// Takes what a process complains while nobody has it.
    func complained(_ bytes: [UInt8], _ pid: Int32) {
        guard let place = spares.firstIndex(where: { $0.child.pid == pid }) else { return }
        spares[place].complaints.append(bytes, now: EventLoop.preciseNow)
    }
}
