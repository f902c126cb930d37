extension EventLoop {
    /// Suspends the task for `duration`; ends at once with an error when the task is cancelled.
    ///
    /// Callable from everywhere; on the loop it costs no hop.
    package func sleep(for duration: Duration) async throws(CancellationError) {
        let sleeper = Sleeper(on: self)
        let completed: Bool = await unsafe suspend { continuation in
            run { unsafe sleeper.start(for: duration, continuation) }
        } onCancel: {
            // Through the queue, so that it comes after the start of a sleeper that was queued before.
            execute { sleeper.finish(completed: false) }
        }
        if !completed { throw CancellationError() }
    }

    /// The same on the loop whose thread this is. Elsewhere, as in tests, it is `Task.sleep`, for which Dispatch starts a thread
    /// of a priority that only root may have, and complains in the system's log.
    package static func pause(for duration: Duration) async throws(CancellationError) {
        if let current { return try await current.sleep(for: duration) }
        do { try await Task.sleep(for: duration) } catch { throw CancellationError() }
    }
}

extension EventLoop {
    /// Lets everything run that waits for its turn, and the loop look at its sockets. Call it on the loop; it is not cancelled,
    /// for it does not last.
    package func nextTurn(isolation: isolated (any Actor)? = #isolation) async {
        await unsafe withUnsafeContinuation(isolation: isolation) { (continuation: UnsafeContinuation<Void, Never>) in
            atEndOfTurn { unsafe continuation.resume() }
        }
    }
}

/// One sleeping task.
// SAFETY: both methods run on the loop alone; the continuation leaves its place before it is resumed.
@safe private final class Sleeper: @unchecked Sendable {
    private let loop: EventLoop
    private var timer: LoopTimer?
    private var continuation: UnsafeContinuation<Bool, Never>?
    private var isCancelled = false

    init(on loop: EventLoop) {
        self.loop = loop
    }

    func start(for duration: Duration, _ continuation: UnsafeContinuation<Bool, Never>) {
        if isCancelled {
            unsafe continuation.resume(returning: false)
            return
        }
        unsafe self.continuation = unsafe continuation
        // The timer holds the sleeper until it fires or is dropped in `finish`.
        timer = loop.scheduled(after: duration) { self.finish(completed: true) }
    }

    func finish(completed: Bool) {
        isCancelled = true
        timer = nil
        guard let continuation = unsafe continuation else { return }
        unsafe self.continuation = nil
        unsafe continuation.resume(returning: completed)
    }
}
