import Glibc

/// A thread of its own that takes jobs in batches: all that waited while it was busy with the last batch.
///
/// SQLite blocks on the disk, and a connection belongs to one thread; the loops must not wait for either.
///
/// SAFETY: `jobs`, `isStopping` and `hasEnded` are touched only while `lock` is held; the pointers are constants freed
/// in `deinit`, which the thread's own reference keeps from running before its end (`WorkerThreadTests`).
@safe final class WorkerThread<Job: Sendable>: @unchecked Sendable {
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    private let wake: UnsafeMutablePointer<pthread_cond_t>
    private let ended: UnsafeMutablePointer<pthread_cond_t>
    private let capacity: Int
    private let batchLimit: Int
    private var jobs: [Job] = []
    private var isStopping = false
    private var hasEnded = false
    private var handler: (([Job]) -> Void)?

    /// Starts the thread. `handler` is called on it with at least one and at most `batchLimit` jobs, in order, and is
    /// released on it when the thread ends.
    init(capacity: Int, batchLimit: Int, handler: @escaping ([Job]) -> Void) {
        unsafe lock = .allocate(capacity: 1)
        unsafe wake = .allocate(capacity: 1)
        unsafe ended = .allocate(capacity: 1)
        self.capacity = capacity
        self.batchLimit = batchLimit
        self.handler = handler
        unsafe pthread_mutex_init(lock, nil)
        unsafe pthread_cond_init(wake, nil)
        unsafe pthread_cond_init(ended, nil)
        start()
    }

    deinit {
        unsafe pthread_cond_destroy(ended)
        unsafe pthread_cond_destroy(wake)
        unsafe pthread_mutex_destroy(lock)
        unsafe ended.deallocate()
        unsafe wake.deallocate()
        unsafe lock.deallocate()
    }

    /// Queues a job; false when the queue is full or the thread is stopping, and then the job will never run.
    func submit(_ job: Job) -> Bool {
        unsafe pthread_mutex_lock(lock)
        defer { unsafe pthread_mutex_unlock(lock) }
        guard !isStopping, jobs.count < capacity else { return false }
        jobs.append(job)
        if jobs.count == 1 { unsafe pthread_cond_signal(wake) }
        return true
    }

    /// Asks the thread to end when everything queued is done.
    func stop() {
        unsafe pthread_mutex_lock(lock)
        isStopping = true
        unsafe pthread_cond_signal(wake)
        unsafe pthread_mutex_unlock(lock)
    }

    /// Waits until the thread has ended. Blocking; never called on the thread itself.
    func waitUntilEnded() {
        unsafe pthread_mutex_lock(lock)
        while !hasEnded { unsafe pthread_cond_wait(ended, lock) }
        unsafe pthread_mutex_unlock(lock)
    }

    private func start() {
        var thread = pthread_t()
        let body = ThreadBody { [self] in
            while let batch = nextBatch() { handler?(batch) }
            handler = nil
            unsafe pthread_mutex_lock(lock)
            hasEnded = true
            unsafe pthread_cond_broadcast(ended)
            unsafe pthread_mutex_unlock(lock)
        }
        let context = unsafe Unmanaged.passRetained(body).toOpaque()
        let code = unsafe pthread_create(
            &thread, nil,
            { context in
                guard let context = unsafe context else { return nil }
                unsafe Unmanaged<ThreadBody>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, context)
        precondition(code == 0, "no thread could be started")
        pthread_detach(thread)
    }

    private func nextBatch() -> [Job]? {
        unsafe pthread_mutex_lock(lock)
        defer { unsafe pthread_mutex_unlock(lock) }
        while jobs.isEmpty {
            if isStopping { return nil }
            unsafe pthread_cond_wait(wake, lock)
        }
        if jobs.count <= batchLimit {
            defer { jobs = [] }
            return jobs
        }
        defer { jobs.removeFirst(batchLimit) }
        return Array(jobs.prefix(batchLimit))
    }
}

/// What a thread runs; C hands it over by reference.
private final class ThreadBody {
    let run: () -> Void

    init(run: @escaping () -> Void) {
        self.run = run
    }
}
