import AsyncIO
import MCP
import Telemetry

// The beginning and the end of a session; the only place where it starts tasks. While it lives it has none: the loop hands
// it what the server writes, and that the process has ended.
extension LegacySession {
    /// Takes up the connection that `open` makes and starts to listen to it. `gone` is called when nothing of it is left.
    func start(_ open: @Sendable () -> any ServerConnection, gone: @escaping @Sendable () -> Void) {
        let connection = open()
        connection.begins(for: client)
        connection.attribute { [weak self] numbers in
            self?.assumeIsolated { $0.requestsInProgress(numbers) } ?? RequestsInProgress()
        }
        self.connection = connection
        whenGone = gone
        lastUse = loop.now
        arm(by: loop.now + min(server.startTimeout, server.idleTimeout))
        surroundings.directory.insert(self)
        metrics.began()
        connection.listen { [weak self] lines in
            self?.assumeIsolated { $0.take(lines) }
        } lost: { [weak self] loss in
            self?.assumeIsolated { $0.lost(loss) }
        }
    }

    private func lost(_ loss: ConnectionLoss) {
        guard end == nil else { return }
        Task(executorPreference: loop) { await self.finish(after: loss) }
    }

    private func finish(after loss: ConnectionLoss) async {
        if let reason = await connection?.end(after: loss) { finish(reason) }
    }

    /// Stops what is left of the connection; the last act.
    private func leave() async {
        await connection?.stop()
        connection = nil
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
        // While it is known who waits.
        report(reason)
        let error = JSONRPCError(.internalError, reason.message(server.name))
        for entry in calls.finishAll() { settle(entry, .sessionEnded, error.response(to: entry.id)) }
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
        metrics.ended(reason, after: EventLoop.preciseNow - began)
        surroundings.observer.ended(self, reason)
        guard reason.isFault else { return }
        var details = connection?.details ?? [:]
        details["reason"] = .string(reason.label)
        details["message"] = .string(reason.message(server.name))
        requestsInProgress().mark(&details)
        logger.warning("a server failed", details)
    }

    /// Waits until no call waits for the server, then ends the session (F20).
    func drain(_ reason: SessionEnd) async {
        for stream in streams.values {
            if stream.listen != nil { endListen(stream) }
            if stream.number == 0, stream.reader == .attached { release(stream) }
        }
        while end == nil, calls.count > 0 {
            // Cancelled when the time for draining is over.
            do { try await loop.sleep(for: .milliseconds(20)) } catch { break }
        }
        finish(reason)
    }

    /// Waits until nothing of the connection is left.
    func vanished() async {
        while connection != nil {
            do { try await loop.sleep(for: .milliseconds(20)) } catch { return }
        }
    }
}
