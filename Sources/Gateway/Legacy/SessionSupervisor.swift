import AsyncIO
import MCP
import Telemetry

// The beginning and the end of a session; the only place where it starts tasks. While it lives it has none: the loop hands
// it what the server writes, and that the process has ended.
extension LegacySession {
    /// Takes the child over and starts to listen to it. `gone` is called when nothing of the child is left.
    func start(_ child: ChildProcess, gone: @escaping @Sendable () -> Void) {
        let transport = StdioTransport(child, maximumLine: limits.lineBytes, logger: logger)
        self.transport = transport
        whenGone = gone
        lastUse = loop.now
        arm(by: loop.now + min(server.startTimeout, server.idleTimeout))
        surroundings.directory.insert(self)
        metrics.sessions.add(1)
        transport.listen { [weak self] lines in
            self?.assumeIsolated { $0.take(lines) }
        } ended: { [weak self] error in
            self?.assumeIsolated { $0.outputEnded(error) }
        }
        transport.whenExited { [weak self] in
            self?.assumeIsolated { $0.exited() }
        }
    }

    private func outputEnded(_ error: IOError?) {
        if let error { logger.debug("the output of a server failed", ["error": .string(error.description)]) }
        guard end == nil else { return }
        Task(executorPreference: loop) { await self.finishWithoutOutput() }
    }

    /// The news of the server's death is on its way when it died; else it closed its output alone (F07).
    private func finishWithoutOutput() async {
        _ = await transport?.hasExited(within: .milliseconds(200))
        let status = await transport?.exitStatus()
        finish(status.map { .exited($0) } ?? .closedOutput)
    }

    /// How long what a process wrote last may take to be read, when a descendant keeps the pipe open (F08).
    private static let drainLimit = Duration.milliseconds(400)

    private func exited() {
        guard end == nil else { return }
        Task(executorPreference: loop) { await self.finishWithoutProcess() }
    }

    /// The process has ended, perhaps before a descendant that keeps its pipe open (F08).
    private func finishWithoutProcess() async {
        // What it wrote last is still in the pipe. Nobody cancels this.
        try? await loop.sleep(for: Self.drainLimit)
        if let status = await transport?.exitStatus() { finish(.exited(status)) }
    }

    /// Stops what is left of the child; the last act.
    private func leave() async {
        await transport?.stop()
        transport = nil
        timer = nil
        metrics.sessions.add(-1)
        whenGone?()
        whenGone = nil
    }

    /// Ends the session: everybody who waits gets an answer, its id is unknown from now on, its child is stopped.
    func finish(_ reason: SessionEnd) {
        guard end == nil else { return }
        end = reason
        surroundings.directory.remove(self)
        report(reason)
        let error = JSONRPCError(.internalError, reason.message(server.name))
        for entry in calls.finishAll() { settle(entry, .failed, error.response(to: entry.id)) }
        closeExchanges()
        for stream in streams.values {
            endListen(stream)
            stream.isFinished = true
            if stream.countsAsStream {
                stream.countsAsStream = false
                quota.closeStream()
            }
            if !stream.log.hasUndelivered { stream.deliver(.end) }
        }
        resumeOutput()
        timer?.stop()
        Task(executorPreference: loop) { await self.leave() }
    }

    private func report(_ reason: SessionEnd) {
        metrics.ended(reason)
        surroundings.observer.ended(self, reason)
        guard reason.isFault else { return }
        logger.warning(
            "a server failed",
            [
                "reason": .string(reason.label), "message": .string(reason.message(server.name)),
                "pid": .integer(Int(transport?.pid ?? 0)), "stderr": .string(transport?.complaints ?? ""),
            ])
    }

    /// Waits until no call waits for the server, then ends the session (F20).
    func drain() async {
        for stream in streams.values {
            if stream.listen != nil { endListen(stream) }
            if stream.number == 0, stream.reader == .attached { release(stream) }
        }
        while end == nil, calls.count > 0 {
            // Cancelled when the time for draining is over.
            do { try await loop.sleep(for: .milliseconds(20)) } catch { break }
        }
        finish(.shutdown)
    }

    /// Waits until nothing of the child is left.
    func vanished() async {
        while transport != nil {
            do { try await loop.sleep(for: .milliseconds(20)) } catch { return }
        }
    }
}
