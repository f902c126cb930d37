import AsyncIO
import MCP
import OAuth
import Telemetry

// The beginning and the end of a shared server; the only place where it starts tasks.
extension SharedServer {
    private static let offeredVersion = "2025-11-25"

    /// Waits until it runs, and starts it where nobody did; false where it has ended meanwhile.
    func ready(_ upstream: any Upstream, for principal: Principal) async throws(UpstreamError) -> Bool {
        while true {
            switch state {
            case .ended: return false
            case .greeting, .serving:
                // A session comes, or a client left before it did.
                if members.isEmpty { arm() }
                return true
            case .starting:
                await withCheckedContinuation { continuation in
                    // It may have gone on before this is run.
                    if case .starting = state { starters.append(continuation) } else { continuation.resume() }
                }
            case .new: try await start(upstream, for: principal)
            }
        }
    }

    private func start(_ upstream: any Upstream, for principal: Principal) async throws(UpstreamError) {
        state = .starting
        defer { wakeStarters() }
        do throws(UpstreamError) {
            let connection = try await upstream.prepare(for: principal, on: loop)()
            // It may have been stopped meanwhile.
            guard case .starting = state else { return await connection.stop() }
            greet(connection)
        } catch {
            // Of several who wait for it the next one tries.
            if case .starting = state, error == .cancelled, !starters.isEmpty {
                state = .new
            } else {
                end(.abandoned)
            }
            throw error
        }
    }

    private func wakeStarters() {
        let waiting = starters
        starters = []
        for starter in waiting { starter.resume() }
    }

    private func greet(_ connection: any ServerConnection) {
        self.connection = connection
        connection.attribute { [weak self] _ in
            self?.assumeIsolated { $0.requestsInProgress } ?? RequestsInProgress()
        }
        connection.listen { [weak self] lines in
            self?.assumeIsolated { $0.take(lines) }
        } lost: { [weak self] loss in
            self?.assumeIsolated { $0.lost(loss) }
        }
        state = .greeting
        sendLine(
            SharedIntroduction.initialize(
                version: server.offeredVersion ?? Self.offeredVersion, asks: audience != .everybody))
    }

    private func lost(_ loss: ConnectionLoss) {
        Task(executorPreference: loop) { await self.end(after: loss) }
    }

    /// Time for a process that closed its input because it is exiting to be known to have exited (F03).
    private static let exitGrace = Duration.milliseconds(200)

    /// The server does not take lines any more (F07).
    func inputClosed() {
        Task(executorPreference: loop) { await self.endWithoutInput() }
    }

    private func endWithoutInput() async {
        // Nobody cancels this.
        try? await loop.sleep(for: Self.exitGrace)
        end(.closedInput)
    }

    private func end(after loss: ConnectionLoss) async {
        if let connection { end(await connection.end(after: loss)) }
    }

    /// Ends it: every session learns how, the process is stopped.
    func end(_ reason: SessionEnd) {
        if case .ended = state { return }
        state = .ended
        timer?.stop()
        pingTimer?.stop()
        if reason.isFault, members.isEmpty { report(reason) }
        whenEnded(self)
        for member in members.values {
            let connection = member.connection
            connection.loop.execute { connection.end(reason) }
        }
        Task(executorPreference: loop) { await self.stopConnection() }
    }

    /// Says it where no session does.
    private func report(_ reason: SessionEnd) {
        var details = connection?.details ?? [:]
        details["reason"] = .string(reason.label)
        details["message"] = .string(reason.message(server.name))
        logger.warning("a server failed", details)
    }

    private func stopConnection() async {
        await connection?.stop()
        connection = nil
        whenGone()
        wakeStoppers()
    }

    /// Stops it and returns when nothing of it is left.
    func stop() async {
        end(.shutdown)
        guard connection != nil else { return }
        await withCheckedContinuation { continuation in
            if connection != nil { stoppers.append(continuation) } else { continuation.resume() }
        }
    }

    private func wakeStoppers() {
        let waiting = stoppers
        stoppers = []
        for stopper in waiting { stopper.resume() }
    }

    // MARK: Without sessions

    /// Nobody uses it any more; it stays for a while, for whoever comes next. One that nobody waited for to shake hands
    /// does not.
    func rest() {
        guard case .serving = state else { return end(.slowStart) }
        arm()
    }

    /// Ends it where nobody uses it; whether that was so.
    func endIfUnused() -> Bool {
        guard members.isEmpty, !server.standsReady, case .serving = state else { return false }
        end(.idle)
        return true
    }

    /// Sees to it that it ends some time after the last session, or when nobody waits for its handshake any more; one that
    /// is to stand ready does not end for want of sessions.
    func arm() {
        let timer =
            self.timer
            ?? LoopTimer(on: loop) { [weak self] in
                self?.assumeIsolated { if $0.members.isEmpty { $0.endWithoutSessions() } }
            }
        self.timer = timer
        guard case .serving = state else { return timer.start(after: min(server.startTimeout, server.idleTimeout)) }
        server.standsReady ? timer.stop() : timer.start(after: server.idleTimeout)
    }

    private func endWithoutSessions() {
        if case .serving = state { end(.idle) } else { end(.slowStart) }
    }
}
