import AsyncIO
import MCP

// What happens by itself: one timer, which looks what is due.
extension AggregateConnection {
    /// Makes sure that ``tick()`` runs at `instant` or before.
    func arm(by instant: LoopInstant) {
        if let timerDue, timerDue <= instant { return }
        timerDue = instant
        let timer =
            self.timer
            ?? LoopTimer(on: loop) { [weak self] in
                self?.assumeIsolated { $0.tick() }
            }
        self.timer = timer
        timer.start(after: instant - EventLoop.preciseNow)
    }

    private func tick() {
        timerDue = nil
        guard !isStopping else { return }
        let now = EventLoop.preciseNow
        for member in members {
            expireCalls(of: member, now)
            if member.state == .absent, let retry = member.retryAt, retry <= now { connect(member) }
        }
        if let deadline = introductionDeadline, deadline <= now { answerIntroduction() }
        endWaitingForListens(now)
        tickLists(now)
        if let due = changesDue, due <= now { tellChanges() }
        armNext(now)
    }

    private func expireCalls(of member: AggregateMember, _ now: LoopInstant) {
        // While the client is asked something, its people have time.
        guard member.openQuestions == 0 || member.state == .starting else { return }
        for entry in member.calls.finish(where: { $0.caller.deadline <= now }) {
            if case .initialize = entry.caller.purpose { return finish(member, .slowStart) }
            member.timeouts += 1
            send(
                JSONRPCText.cancelled(JSONRPCID(number: entry.number), reason: "deadline exceeded") + [0x0A],
                to: member)
            let error = JSONRPCError(
                .deadlineExceeded,
                "The server \"\(member.server.name)\" did not answer within \(member.server.callTimeout)")
            fail(entry, of: member, error)
        }
        if member.timeouts >= plan.limits.timeoutsInARow { finish(member, .unresponsive) }
    }

    /// Ends what waited for an answer that does not come.
    func fail(
        _ entry: Correlation<AggregateMember.Call>.Entry, of member: AggregateMember, _ error: JSONRPCError
    ) {
        switch entry.caller.purpose {
        case .request, .subscription, .page, .task:
            if let number = Self.number(entry.id) { reply(number, error) }
        case .listen: endTaskListen(entry, of: member)
        case .learning(let list): failedToLearn(list, member)
        case .initialize, .nothing: break
        }
    }

    private func armNext(_ now: LoopInstant) {
        var due: LoopInstant?
        func consider(_ instant: LoopInstant?) {
            guard let instant else { return }
            due = min(due ?? instant, instant)
        }
        consider(introductionDeadline)
        consider(nextListenDue)
        consider(nextListDue)
        consider(changesDue)
        for member in members {
            if member.state == .absent { consider(member.retryAt) }
            guard member.openQuestions == 0 || member.state == .starting else { continue }
            for entry in member.calls.open { consider(entry.caller.deadline) }
        }
        if let due { arm(by: max(due, now + .milliseconds(10))) }
    }
}
