import AsyncIO
import Synchronization
package import Telemetry

/// Events of the audit trail of which a client can cause as many as it likes: the first of a kind is recorded at once, those of
/// the minute after it as one, with their number as `count`. So the counts add up to what happened, and a flood is two lines a
/// minute.
///
/// A kind is what was done, how it ended and why, by whom and with which server. The table is bounded: what finds it full is
/// counted together, and the trail has it without a name. A `Mutex` because connections of every loop record.
package final class AuditTally: Sendable {
    private struct Kind: Hashable {
        let action: AuditAction
        let outcome: AuditOutcome
        let user: String?
        let client: String?
        let server: String?
        let reason: String?
        /// Where there is no user to tell them apart by.
        let address: String?
    }

    private struct Entry {
        let subject: AuditSubject
        let remoteAddress: String?
        var since: Timestamp
        /// What happened after the first, or since the last event.
        var count = 0

        mutating func add() { count += 1 }
    }

    private struct State {
        var entries: [Kind: Entry] = [:]
        /// What found no room.
        var nameless: [Kind: Int] = [:]
    }

    private static let window = Duration.seconds(60)
    /// How often it is looked what is due.
    private static let interval = Duration.seconds(5)

    private let audit: any AuditLog
    private let clock: WallClock
    private let capacity: Int
    private let state = Mutex(State())

    /// Remembers at most `capacity` kinds.
    package init(_ audit: any AuditLog, clock: WallClock, capacity: Int = 4096) {
        self.audit = audit
        self.clock = clock
        self.capacity = capacity
    }

    /// Records it, at once or with its like.
    func note(
        _ action: AuditAction, _ outcome: AuditOutcome, _ subject: AuditSubject, reason: String? = nil,
        remoteAddress: String?
    ) {
        let now = clock.now()
        let kind = Kind(
            action: action, outcome: outcome, user: subject.user, client: subject.client, server: subject.server,
            reason: reason, address: subject.user == nil ? remoteAddress : nil)
        let entry = Entry(subject: subject, remoteAddress: remoteAddress, since: now)
        let isFirst = state.withLock { state in
            // In place: nothing is copied for the many.
            if state.entries[kind]?.add() != nil { return false }
            guard state.entries.count < capacity else {
                let nameless = Kind(
                    action: action, outcome: outcome, user: nil, client: nil, server: nil, reason: reason, address: nil)
                state.nameless[nameless, default: 0] += 1
                return false
            }
            state.entries[kind] = entry
            return true
        }
        if isFirst { record(kind, entry, count: 1, at: now) }
    }

    /// Records what is due; with `isLast` also what is not yet.
    package func settle(isLast: Bool = false) {
        let now = clock.now()
        let (due, nameless) = state.withLock { state in
            var due: [(Kind, Entry)] = []
            for (kind, entry) in state.entries where isLast || now - entry.since >= Self.window {
                if entry.count > 0 { due.append((kind, entry)) }
                // Who goes on goes on in one event a minute; who has stopped begins anew.
                var next = entry
                (next.since, next.count) = (now, 0)
                state.entries[kind] = entry.count > 0 && !isLast ? next : nil
            }
            defer { state.nameless = [:] }
            return (due, state.nameless)
        }
        for (kind, entry) in due { record(kind, entry, count: entry.count, at: now) }
        let nobody = Entry(subject: AuditSubject(user: nil, client: nil, server: nil), remoteAddress: nil, since: now)
        for (kind, count) in nameless { record(kind, nobody, count: count, at: now) }
    }

    private func record(_ kind: Kind, _ entry: Entry, count: Int, at time: Timestamp) {
        var detail = [("count", String(count))]
        if let reason = kind.reason { detail.append(("reason", reason)) }
        audit.record(
            AuditEvent(
                time: time, action: kind.action, outcome: kind.outcome, subject: entry.subject,
                remoteAddress: entry.remoteAddress, detail: detail))
    }

    /// Settles what is due, until the task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            // Cancellation ends the loop.
            try? await EventLoop.pause(for: Self.interval)
            settle()
        }
    }
}
