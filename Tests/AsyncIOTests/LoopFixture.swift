import AsyncIO
import Synchronization

/// An actor that lives on a loop: what tests need to use confined types.
actor OnLoop {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    init(_ loop: EventLoop) {
        self.loop = loop
    }

    /// Runs `body` isolated to this actor.
    func run<Result: Sendable, Failure: Error>(
        _ body: @Sendable (isolated OnLoop) async throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        try await body(self)
    }
}

/// Starts a group for the duration of `body`.
func withGroup<Result>(
    _ count: Int = 2, _ body: (EventLoopGroup) async throws -> Result
) async rethrows -> Result {
    let group = EventLoopGroup(count: count)
    defer { group.shutdown() }
    return try await body(group)
}

/// A value that tasks and callbacks share.
final class Shared<Value: Sendable>: Sendable {
    private let mutex: Mutex<Value>
    init(_ value: Value) { mutex = Mutex(value) }
    var value: Value { mutex.withLock { $0 } }
    func change<Result: Sendable>(_ body: (inout Value) -> Result) -> Result {
        mutex.withLock { value in
            var copy = value
            let result = body(&copy)
            value = copy
            return result
        }
    }
}
