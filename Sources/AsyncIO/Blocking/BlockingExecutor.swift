import CLibUV
import Glibc
import Synchronization

/// Threads for work that blocks: databases, name resolution, password hashes, files.
///
/// Threads start when they are needed, up to a bound, and stay. The queue is bounded too: beyond it the work is refused
/// with ``IOError/overloaded`` rather than piled up.
// SAFETY: `state` is behind its lock; the semaphore is made for use between threads and lives as long as the pool.
@safe package final class BlockingExecutor: @unchecked Sendable {
    /// The pool of the process.
    package static let shared = BlockingExecutor(threads: max(4, EventLoopGroup.coreCount * 2))

    private struct State: ~Copyable {
        var jobs: [@Sendable () -> Void] = []
        var head = 0
        var threads = 0
        var idle = 0
    }

    private let state = Mutex(State())
    private let available: UnsafeMutablePointer<sem_t>
    private let maximumThreads: Int
    private let maximumQueue: Int

    /// A pool that lives until the end of the process.
    package init(threads: Int, queue: Int = 10_000) {
        maximumThreads = max(1, threads)
        maximumQueue = max(1, queue)
        unsafe available = .allocate(capacity: 1)
        unsafe sem_init(available, 0, 0)
    }

    /// Runs `body` on a thread of the pool; the caller's loop goes on meanwhile.
    ///
    /// A task that is cancelled already begins nothing; what has been queued runs to its end.
    package func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try Task.checkCancellation()
        let result: Result<Value, any Error> = await unsafe withUnsafeContinuation { continuation in
            let accepted = submit { unsafe continuation.resume(returning: Result { try body() }) }
            if !accepted { unsafe continuation.resume(returning: .failure(IOError.overloaded)) }
        }
        return try result.get()
    }

    /// Queues `body`; false when the queue is full.
    package func submit(_ body: @escaping @Sendable () -> Void) -> Bool {
        let (accepted, needsThread) = state.withLock { state in
            guard state.jobs.count - state.head < maximumQueue else { return (false, false) }
            state.jobs.append(body)
            let isShort = state.idle < state.jobs.count - state.head && state.threads < maximumThreads
            if isShort { state.threads += 1 }
            return (true, isShort)
        }
        guard accepted else { return false }
        if needsThread { startThread() }
        unsafe sem_post(available)
        return true
    }

    private func startThread() {
        var thread = pthread_t()
        let context = unsafe Unmanaged.passRetained(self).toOpaque()
        let result = unsafe pthread_create(
            &thread, nil,
            { context in
                guard let context = unsafe context else { return nil }
                unsafe Unmanaged<BlockingExecutor>.fromOpaque(context).takeRetainedValue().work()
                return nil
            }, context)
        if result == 0 {
            pthread_detach(thread)
        } else {
            unsafe Unmanaged.passUnretained(self).release()
            // The threads that exist take the job; without any, the process has no resources to live on.
            let remaining = state.withLock { state in
                state.threads -= 1
                return state.threads
            }
            precondition(remaining > 0, "cannot start a thread")
        }
    }

    private func work() {
        unsafe sp_set_name("blocking")
        while true {
            state.withLock { $0.idle += 1 }
            while unsafe sem_wait(available) != 0 {}
            let job = state.withLock { state in
                state.idle -= 1
                return Self.takeFirst(&state)
            }
            job?()
        }
    }

    private static func takeFirst(_ state: inout State) -> (@Sendable () -> Void)? {
        guard state.head < state.jobs.count else { return nil }
        let job = state.jobs[state.head]
        state.jobs[state.head] = {}
        state.head += 1
        if state.head == state.jobs.count {
            state.jobs.removeAll(keepingCapacity: true)
            state.head = 0
        } else if state.head >= 1024 {
            state.jobs.removeFirst(state.head)
            state.head = 0
        }
        return job
    }
}
