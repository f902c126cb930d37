import AsyncIO
import MCP
import Telemetry

// How servers come and go; the only place where a connection to several of them starts tasks.
extension AggregateConnection {
    /// Longest time between two attempts to reach a server.
    private static let maximumDelay = 60
    /// Whoever is there for so long has no bad past.
    private static let probation = Duration.seconds(60)

    /// Connects to all servers at once.
    func begin() {
        for member in members where member.isPermitted { connect(member) }
    }

    /// Begins to connect to a server.
    func connect(_ member: AggregateMember) {
        guard member.state == .absent, !isStopping, member.isPermitted else { return }
        member.state = .connecting
        member.retryAt = nil
        member.startDeadline = loop.now + member.server.startTimeout
        let index = member.index
        Task(executorPreference: loop) { await self.attempt(index) }
    }

    private func attempt(_ index: Int) async {
        let supervisor = members[index].supervisor
        do throws(SpawnRefusal) {
            guard let prepared = try await supervisor.connect(for: principal, on: loop) else {
                return unreachable(members[index], nil)
            }
            await start(index, prepared)
        } catch {
            switch error {
            case .backingOff(let seconds): unreachable(members[index], seconds)
            case .userLimit, .capacity, .draining, .forbidden: unreachable(members[index], nil)
            }
        }
    }

    private func start(_ index: Int, _ prepared: PreparedConnection) async {
        let member = members[index]
        let connection = prepared.open()
        member.connection = connection
        member.release = prepared.release
        member.generation += 1
        guard !isStopping else {
            member.state = .ending
            return await leave(index)
        }
        member.state = .starting
        member.garbage = 0
        member.timeouts = 0
        let generation = member.generation
        // A server of both eras is used in that of the client.
        if isBridged { connection.begins(for: .bridged) }
        if isHeld { connection.holdOutput(true) }
        connection.attribute { [weak self] _ in
            self?.assumeIsolated { $0.requests(of: index) } ?? RequestsInProgress()
        }
        connection.listen { [weak self] lines in
            self?.assumeIsolated { connection in
                guard connection.members[index].generation == generation else { return }
                connection.take(lines, from: connection.members[index])
            }
        } lost: { [weak self] loss in
            self?.assumeIsolated { $0.lost(index, generation, loss) }
        }
        introduce(to: member)
    }

    private func lost(_ index: Int, _ generation: Int, _ loss: ConnectionLoss) {
        guard members[index].generation == generation, members[index].state != .ending else { return }
        Task(executorPreference: loop) { await self.finish(index, generation, after: loss) }
    }

    private func finish(_ index: Int, _ generation: Int, after loss: ConnectionLoss) async {
        guard let reason = await members[index].connection?.end(after: loss) else { return }
        if members[index].generation == generation { finish(members[index], reason) }
    }

    /// A server takes no lines any more. It may be about to exit, which then says more (F07).
    func inputClosed(_ member: AggregateMember) {
        let (index, generation) = (member.index, member.generation)
        guard member.state == .present || member.state == .starting else { return }
        Task(executorPreference: loop) { await self.finishClosed(index, generation) }
    }

    private func finishClosed(_ index: Int, _ generation: Int) async {
        // Nobody cancels this.
        try? await loop.sleep(for: .milliseconds(200))
        if members[index].generation == generation { finish(members[index], .closedInput) }
    }

    /// Ends the connection to a server: whoever waits for it gets an error that names it, the others notice nothing.
    func finish(_ member: AggregateMember, _ reason: SessionEnd) {
        guard member.state == .present || member.state == .starting else { return }
        let wasPresent = member.state == .present
        member.state = .ending
        let error = JSONRPCError(.internalError, reason.message(member.server.name))
        for entry in member.calls.finishAll() { fail(entry, of: member, error) }
        withdrawAll(member)
        for list in AggregateList.allCases {
            member.lists[list]?.learning = nil
            member.lists[list]?.awaitedUntil = nil
            member.lists[list]?.retryAt = nil
            // The next connection is asked as if nothing had been.
            member.lists[list]?.failures = 0
            member.lists[list]?.isMissing = false
            member.lists[list]?.isStale = true
        }
        let metrics = member.supervisor.metrics
        if wasPresent { metrics.sessions.add(-1) }
        member.wasMisaddressed = reason == .misaddressed && !member.wasMisaddressed
        if !isStopping, !member.wasMisaddressed { report(member, reason, wasPresent: wasPresent) }
        let index = member.index
        Task(executorPreference: loop) { await self.leave(index) }
    }

    private func report(_ member: AggregateMember, _ reason: SessionEnd, wasPresent: Bool) {
        member.supervisor.metrics.ended(reason)
        if reason.isFault {
            var details = member.connection?.details ?? [:]
            details["member"] = .string(member.server.name)
            details["reason"] = .string(reason.label)
            details["message"] = .string(reason.message(member.server.name))
            requests(of: member.index).mark(&details)
            logger.warning("a server failed", details)
            if !wasPresent { member.supervisor.missed(reason) }
        }
        missed(member)
        if wasPresent { changed(AggregateList.allCases.filter { member.capabilities.contains($0.capability) }) }
        answerIntroduction()
    }

    /// Stops what is left of a connection, then looks when to try again.
    private func leave(_ index: Int) async {
        let member = members[index]
        await member.connection?.stop()
        member.connection = nil
        member.release?()
        member.release = nil
        member.isDirty = false
        if member.wasMisaddressed {
            member.state = .absent
            return connect(member)
        }
        if member.presentSince + Self.probation <= loop.now { member.failures = 0 }
        unreachable(member, nil)
    }

    /// A server is not there; it is tried again after `seconds`, or after twice the time of the last time.
    private func unreachable(_ member: AggregateMember, _ seconds: Int?) {
        member.state = .absent
        guard !isStopping else { return }
        missed(member)
        member.failures = min(member.failures + 1, 16)
        let delay = seconds ?? min(Self.maximumDelay, 1 << (member.failures - 1))
        member.retryAt = loop.now + .seconds(delay)
        arm(by: loop.now + .seconds(delay))
        answerIntroduction()
    }

    /// Stops all servers; returns when nothing of them is left.
    func stop() async {
        isStopping = true
        timer?.stop()
        for member in members {
            if member.isMissed { plan.absences[member.index].add(-1) }
            member.isMissed = false
            finish(member, .shutdown)
        }
        while members.contains(where: { $0.state != .absent }) {
            // Nobody cancels this either; what is stopped takes its time.
            do { try await loop.sleep(for: .milliseconds(20)) } catch { return }
        }
        timer = nil
        outgoing = []
    }
}
