import AsyncIO
import Glibc
import HTTP
import Telemetry

/// Waits for the signal to stop and stops in order (F20): no new work, answers to what is in flight, children, exit.
struct ShutdownSequence: Sendable {
    /// For what is in flight.
    static let patience = Duration.seconds(10)
    /// After a second signal.
    static let haste = Duration.seconds(2)

    let readiness: Readiness
    let notices: ServiceNotices
    let logger: Logger

    /// Returns when everything has stopped.
    func run(
        _ signals: AsyncStream<Int32>, _ server: HTTPServer, beside: [HTTPServer], _ live: LiveAssembly,
        _ reload: ConfigurationReload, _ loop: EventLoop
    ) async {
        guard await isStopped(by: signals, hangup: reload.ask) else { return }
        readiness.advance(to: .draining)
        notices.stopping()
        logger.notice("stopping: waiting for what is in flight")
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask(executorPreference: loop) {
                // Requests that are on their way are answered as ever; after them none comes.
                await server.leave(within: Self.patience)
                async let sessions: Void = live.current.gateway.drain(within: Self.patience)
                // Its answers take no time.
                for other in beside { await other.drain(within: .zero) }
                await server.drain(within: Self.patience)
                await sessions
            }
            tasks.addTask(executorPreference: loop) { await hurry(signals, loop) }
            await tasks.next()
            tasks.cancelAll()
        }
    }

    /// Waits for a signal that means to stop; SIGHUP never does (F20). False when the wait itself was cancelled.
    private func isStopped(by signals: AsyncStream<Int32>, hangup: @Sendable () -> Void) async -> Bool {
        for await signal in signals {
            if signal != SIGHUP { return true }
            hangup()
        }
        return false
    }

    /// After a second signal everything ends within two seconds. What still hangs then cannot be waited for: children
    /// end with us, by their launcher.
    private func hurry(_ signals: AsyncStream<Int32>, _ loop: EventLoop) async {
        guard await isStopped(by: signals, hangup: {}) else { return }
        logger.warning("stopping now: a second signal")
        do {
            try await loop.sleep(for: Self.haste)
        } catch {
            return  // everything stopped in time after all
        }
        LogSink.standard.flush()
        _exit(0)
    }
}
