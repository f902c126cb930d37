/// A point in time by which something must be done.
package struct Deadline: Hashable, Comparable, Sendable {
    package let instant: LoopInstant

    /// `duration` from now.
    package static func after(_ duration: Duration) -> Deadline {
        Deadline(instant: EventLoop.preciseNow + duration)
    }

    /// What is left; zero when it has passed.
    package var remaining: Duration { instant - EventLoop.preciseNow }

    package var hasPassed: Bool { EventLoop.preciseNow >= instant }

    package static func < (left: Self, right: Self) -> Bool { left.instant < right.instant }
}

/// Runs `operation` and cancels it when `duration` has passed, with ``IOError/timedOut``.
///
/// The operation runs in a child task and prefers `loop`; it must heed cancellation, as everything in this module does.
package func withDeadline<Value: Sendable>(
    _ duration: Duration, on loop: EventLoop, _ operation: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask(executorPreference: loop) { try await operation() }
        group.addTask(executorPreference: loop) {
            try await loop.sleep(for: duration)
            throw IOError.timedOut
        }
        defer { group.cancelAll() }
        guard let first = try await group.next() else { throw IOError.cancelled }
        return first
    }
}
