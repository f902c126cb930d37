import AsyncIO
import Dispatch
import Synchronization

/// Where synchronous `main` meets asynchronous work: the one unstructured task of the program.
enum Lifecycle {
    /// Runs `body` on `loop` and waits for it, on the calling thread.
    static func run<Value: Sendable>(
        on loop: EventLoop, _ body: @escaping @Sendable () async -> Value
    ) -> Value {
        let result = Mutex<Value?>(nil)
        let done = DispatchSemaphore(value: 0)
        Task(executorPreference: loop) {
            let value = await body()
            result.withLock { $0 = value }
            done.signal()
        }
        done.wait()
        guard let value = result.withLock({ $0 }) else { preconditionFailure("the work ended without a result") }
        return value
    }

    /// The same, for work that may fail with a message.
    static func run<Value: Sendable>(
        on loop: EventLoop, _ body: @escaping @Sendable () async throws(CommandFailure) -> Value
    ) throws(CommandFailure) -> Value {
        let outcome: Result<Value, CommandFailure> = run(on: loop) {
            do throws(CommandFailure) {
                return .success(try await body())
            } catch {
                return .failure(error)
            }
        }
        return try outcome.get()
    }
}
