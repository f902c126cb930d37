import Foundation

/// A condition did not come true before its deadline.
package struct DeadlineExceeded: Error, CustomStringConvertible {
    package let what: String
    package var description: String { "deadline exceeded: \(what)" }

    package init(what: String) { self.what = what }
}

/// Waits until `condition` gives a value, looking again every few milliseconds; throws when `limit` has passed.
///
/// This is the only place in the tests where time passes by itself: everything else waits through it, for a condition.
package func eventually<Value>(
    _ what: @autoclosure () -> String, within limit: Duration = .seconds(30), every step: Duration = .milliseconds(5),
    _ condition: () async throws -> Value?
) async throws -> Value {
    let deadline = ContinuousClock.now + limit
    while true {
        if let value = try await condition() { return value }
        guard ContinuousClock.now < deadline else { throw DeadlineExceeded(what: what()) }
        try await Task.sleep(for: step)
    }
}

/// ``eventually(_:within:every:_:)`` for a plain question.
package func eventuallyTrue(
    _ what: @autoclosure () -> String, within limit: Duration = .seconds(30), every step: Duration = .milliseconds(5),
    _ condition: () async throws -> Bool
) async throws {
    try await eventually(what(), within: limit, every: step) { try await condition() ? () : nil }
}

/// Runs blocking code on a thread of its own, so that it never holds up the tests' cooperative threads.
package func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result(catching: body)) }
    }
}
