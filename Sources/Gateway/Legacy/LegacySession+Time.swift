import AsyncIO
import MCP
import OAuth
import Telemetry

// What happens by itself: one timer for a session, which looks what is due.
extension LegacySession {
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

    /// Time for a process that closed its input because it is exiting to be known to have exited (F03).
    private static let exitGrace = Duration.milliseconds(200)

    /// The server does not take lines any more. When it is exiting the callers shall be told that, so its exit gets a
    /// moment to be noticed first (F07).
    func inputClosed() {
        guard end == nil, inputClosedAt == nil else { return }
        let now = EventLoop.preciseNow
        inputClosedAt = now
        arm(by: now + Self.exitGrace)
    }

    private func tick() {
        timerDue = nil
        guard end == nil else { return }
        let now = EventLoop.preciseNow
        if let inputClosedAt, inputClosedAt + Self.exitGrace <= now { return finish(.closedInput) }
        tickBridge(now)
        expireCalls(now)
        guard end == nil else { return }
        for question in questions.expire(at: now) { sendLine(question.refusal() + [0x0A]) }
        for entry in calls.open {
            // Of a batch called for every message; nothing happens then.
            let stream = exchanges[entry.number]?.stream ?? entry.caller.stream
            if stream.mayStream, !stream.isFinished, stream.commitDeadline <= now { commit(stream) }
        }
        for stream in streams.values where stream.deliveryWaiter.isWaiting {
            if stream.waitingSince + limits.keepAlive <= now { stream.deliver(.keepAlive) }
        }
        endExpiredStreams()
        releaseLostReaders(now)
        if isPaused, pausedSince + limits.stallTimeout <= now { cutSlowReaders() }
        if expires <= now { return finish(.expired) }
        // A stream alone is no session: without this it would keep a process for as long as it is open.
        if isMute, lastUse + server.startTimeout <= now { return finish(.abandoned) }
        if isIdle, lastUse + server.idleTimeout <= now { return finish(.idle) }
        arm(by: nextDue(now))
    }

    /// Gives up readers that took a stream and then never came, or came no more: their client went away in between.
    private func releaseLostReaders(_ now: LoopInstant) {
        // A write to a client that does not read fails before that.
        let patience = limits.stallTimeout + limits.stallTimeout
        for stream in streams.values where !stream.deliveryWaiter.isWaiting && stream.reader != .detached {
            if stream.reader == .none && (stream.number == 0 || !stream.isFinished) { continue }
            if stream.waitingSince + patience <= now { release(stream) }
        }
    }

    /// Ends the streams whose token has expired: whoever may still listen comes back with a new token, and with
    /// `Last-Event-ID` nothing is lost (T08).
    private func endExpiredStreams() {
        for stream in streams.values where remainingTime(of: stream) == .zero {
            if stream.listen == nil { release(stream) } else { endListen(stream) }
        }
    }

    /// How long the reader of `stream` may go on by its token; nil where that sets no end. The answer to a POST goes to
    /// its end, which the call's deadline sets, unless the client's version tells it to come back for the rest.
    private func remainingTime(of stream: MessageStream) -> Duration? {
        let canComeBack = stream.log.hasIDs ? version?.allowsPrimingEvents == true : stream.listen != nil
        guard stream.reader != .detached, !stream.isFinished || stream.log.hasIDs, stream.number == 0 || canComeBack
        else { return nil }
        let time = stream.principal.expires - surroundings.observer.clock.now()
        return time > limits.keepAlive ? nil : max(.zero, time)
    }

    /// Sets the timer for a stream that has a reader from now on.
    func armForReader(of stream: MessageStream) {
        arm(by: loop.now + min(limits.keepAlive, remainingTime(of: stream) ?? limits.keepAlive))
    }

    private func expireCalls(_ now: LoopInstant) {
        for entry in calls.finish(where: { deadline(of: $0) <= now }) {
            if entry.caller.method == .initialize {
                settle(entry, .timedOut, startError.response(to: entry.id))
                return finish(.slowStart)
            }
            timeouts += 1
            cancelAtServer(entry.number, "deadline exceeded")
            let error = JSONRPCError(
                .deadlineExceeded, "The server \"\(server.name)\" did not answer within \(server.callTimeout)")
            settle(entry, .timedOut, error.response(to: entry.id))
        }
        if timeouts >= limits.timeoutsInARow { finish(.unresponsive) }
    }

    /// A client that was asked something has its own time.
    private func deadline(of entry: Correlation<Call>.Entry) -> LoopInstant {
        exchanges[entry.number]?.deadline ?? entry.caller.deadline
    }

    private var startError: JSONRPCError {
        JSONRPCError(.internalError, SessionEnd.slowStart.message(server.name))
    }

    /// Whether the client of an event channel has not begun to speak.
    private var isMute: Bool { client == .eventChannel && !wasIntroduced }

    private var isIdle: Bool {
        calls.count == 0 && !streams.values.contains { $0.reader == .attached }
    }

    private func nextDue(_ now: LoopInstant) -> LoopInstant {
        var due = expires
        for entry in calls.open {
            due = min(due, deadline(of: entry))
            let stream = exchanges[entry.number]?.stream ?? entry.caller.stream
            if stream.mayStream, !stream.isCommitted, !stream.isFinished { due = min(due, stream.commitDeadline) }
        }
        if let deadline = questions.nextDeadline { due = min(due, deadline) }
        if let deadline = nextBridgeDue { due = min(due, deadline) }
        for stream in streams.values {
            if let time = remainingTime(of: stream) { due = min(due, now + time) }
        }
        for stream in streams.values where stream.deliveryWaiter.isWaiting {
            due = min(due, stream.waitingSince + limits.keepAlive)
        }
        if let inputClosedAt { due = min(due, inputClosedAt + Self.exitGrace) }
        if isPaused { due = min(due, pausedSince + limits.stallTimeout) }
        if isMute { due = min(due, lastUse + server.startTimeout) }
        // While it is in use nothing wakes the timer when that ends, so it looks again in time for the rest.
        due = min(due, (isIdle ? lastUse : now) + server.idleTimeout)
        // A reader that just got a comment waits again soon; an attached one keeps the timer alive.
        if streams.values.contains(where: { $0.reader == .attached }) { due = min(due, now + limits.keepAlive) }
        return max(due, now + .milliseconds(10))
    }
}
