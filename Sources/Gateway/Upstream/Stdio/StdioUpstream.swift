import AsyncIO
import MCP
import OAuth
import Telemetry

/// A server that is a program: each session gets a process of it.
struct StdioUpstream: Upstream {
    private let program: ServerProgram
    /// Processes that stand ready; nil where none are wanted.
    private let pool: WarmPool?
    private let maximumLine: Int
    private let logger: Logger

    /// The processes that stand ready live on `loop`.
    init(
        _ server: ServerDefinition, _ configuration: GatewayConfiguration, _ slots: ProcessSlots, _ starts: StartRecord,
        on loop: EventLoop
    ) {
        let program = ServerProgram(server, configuration)
        let logger = Logger(label: "gateway").with(["server": .string(server.name)])
        self.program = program
        self.logger = logger
        maximumLine = configuration.limits.lineBytes
        // A process that serves one user is told in its environment which.
        pool =
            server.prespawned > 0 && server.isolation == .session
            ? WarmPool(
                server, program, slots: slots, starts: starts, metrics: configuration.metrics, logger: logger, on: loop)
            : nil
    }

    func begin() async { await pool?.refill() }

    func stop() async { await pool?.stop() }

    func prepare(
        for principal: Principal, on loop: EventLoop
    ) async throws(UpstreamError) -> @Sendable () -> any ServerConnection {
        if let spare = await pool?.take(on: loop) {
            return { [maximumLine, logger] in
                StdioTransport(
                    spare.child, maximumLine: maximumLine, logger: logger, complaints: spare.complaints)
            }
        }
        let child: ChildProcess
        do throws(ChildProcess.SpawnError) {
            child = try await program.spawn(for: principal, on: loop)
        } catch {
            throw error == .cancelled ? .cancelled : .failed(error.description)
        }
        return { [maximumLine, logger] in StdioTransport(child, maximumLine: maximumLine, logger: logger) }
    }
}
