import AsyncIO
import MCP
import Telemetry

// The beginning and the end of a session; the only place where it starts tasks.
extension LegacySession {
    /// Takes the child over and starts to listen to it. `ended` is called when nothing of the child is left.
    func start(_ child: ChildProcess, ended: @escaping @Sendable () -> Void) {
        transport = StdioTransport(child, maximumLine: limits.lineBytes, logger: logger)
        lastUse = loop.now
        arm(by: loop.now + min(server.startTimeout, server.idleTimeout))
        surroundings.directory.insert(self)
        metrics.sessions.add(1)
        Task(executorPreference: loop) {
            await self.live()
            ended()
        }
    }

    /// The life of the child: read, watch, and when the session ends stop it.
    private func live() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.readOutput() }
            group.addTask { await self.drainErrors() }
            group.addTask { await self.watchExit() }
            await self.ended()
            // Closes the streams, which ends the readers.
            await self.stopChild()
        }
        transport = nil
        timer = nil
        metrics.sessions.add(-1)
    }

    private func drainErrors() async { await transport?.drainErrors() }

    private func stopChild() async { await transport?.stop() }

    /// How long what a process wrote last may take to be read, when a descendant keeps the pipe open (F08).
    private static let drainLimit = Duration.milliseconds(400)

    /// Ends the session when the process ends, even if a descendant keeps the pipe open (F08).
    private func watchExit() async {
        guard let transport else { return }
        let status = await transport.wait()
        if end != nil { return }
        // What it wrote last is still in the pipe. Cancelled only when the session ends anyway.
        try? await loop.sleep(for: Self.drainLimit)
        finish(.exited(status))
    }

    private func ended() async {
        if end != nil { return }
        await withCheckedContinuation(isolation: self) { endWaiter = $0 }
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
        endWaiter?.resume()
        endWaiter = nil
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
