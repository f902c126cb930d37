import CLibUV
import Glibc
import Synchronization

/// One libuv loop on a thread of its own, which is also a Swift executor.
///
/// Actors that touch sockets or pipes return ``asUnownedSerialExecutor()`` as their `unownedExecutor`: their code, the
/// callbacks of libuv and the timers of the loop then run on one thread, without locks and without hops. Nothing that
/// blocks may run here (see ``BlockingExecutor``).
// SAFETY: everything but `remote` and the immutable members is touched on the loop's thread alone, which
// `EventLoopTests` and the preconditions of the streams check; `remote` is behind its lock.
@safe package final class EventLoop: @unchecked Sendable {
    /// A job, and whether it came because of a task executor preference (else because of an actor of this loop).
    @safe struct Entry: Sendable {
        let job: UnownedJob
        let isPreferred: Bool
    }

    /// Work that arrives from other threads.
    struct RemoteWork: ~Copyable {
        var jobs: [Entry] = []
        var calls: [@Sendable () -> Void] = []
        var isStopping = false
        var isStopped = false
        var isEmpty: Bool { jobs.isEmpty && calls.isEmpty }
    }

    /// Jobs run between two looks at the sockets: enough to be quick, few enough that input is never starved.
    static let jobsPerTurn = 256
    /// The size of the buffer that all reads of the loop share, and the most that one read returns.
    package static let readChunk = 65_536

    /// Buffers that are kept for the next reads, of at most 16 KiB each.
    private static let keptBuffers = 64

    let uv: UnsafeMutablePointer<uv_loop_t>
    let readBuffer: UnsafeMutableRawPointer
    private let wakeup: UVHandle
    private let prepare: UVHandle
    private let idle: UVHandle
    private let remote = Mutex(RemoteWork())
    private var thread = pthread_t()
    private var local: [Entry] = []
    private var localHead = 0
    private var endOfTurn: [() -> Void] = []
    private var isIdling = false
    private var buffers: [[UInt8]] = []
    private var lookout = Lookout()
    /// Jobs that came from other threads so far: each of them cost a lock and perhaps a wake-up.
    package private(set) var remoteJobs = 0
    private var mustStop = false
    let name: String

    /// Starts the thread; returns when the loop is running.
    package init(name: String = "loop") {
        self.name = name
        unsafe uv = .allocate(capacity: 1)
        unsafe readBuffer = .allocate(byteCount: Self.readChunk, alignment: 16)
        wakeup = UVHandle(UV_ASYNC)
        prepare = UVHandle(UV_PREPARE)
        idle = UVHandle(UV_IDLE)
        local.reserveCapacity(Self.jobsPerTurn)
        Signals.ignoreBrokenPipes()
        startThread()
    }

    deinit {
        unsafe readBuffer.deallocate()
        unsafe uv.deallocate()
    }

    /// The loop whose thread this is, if it is one.
    package static var current: EventLoop? {
        guard let value = unsafe pthread_getspecific(currentKey) else { return nil }
        return unsafe Unmanaged<EventLoop>.fromOpaque(value).takeUnretainedValue()
    }

    /// Whether the caller runs on this loop's thread.
    package var inEventLoop: Bool {
        pthread_equal(thread, pthread_self()) != 0
    }

    /// The loop's time, which stands still during one turn of the loop. Call it on the loop.
    package var now: LoopInstant {
        LoopInstant(nanoseconds: unsafe uv_now(uv) &* 1_000_000)
    }

    /// The precise monotonic time; callable from everywhere.
    package static var preciseNow: LoopInstant {
        LoopInstant(nanoseconds: uv_hrtime())
    }

    /// Runs `body` on the loop, later, never inside this call; calls from one thread keep their order.
    package func execute(_ body: @escaping @Sendable () -> Void) {
        remote.withLock { work in
            guard !work.isStopped else { return }
            if work.isEmpty { wake() }
            work.calls.append(body)
        }
    }

    /// Runs `body` now if this is the loop's thread, else as ``execute(_:)``.
    package func run(_ body: @escaping @Sendable () -> Void) {
        if inEventLoop { body() } else { execute(body) }
    }

    /// Runs `body` when the jobs of this turn have run, before the loop looks at its sockets again: what many of them
    /// have to say to one peer goes out at once. Call it on the loop.
    package func atEndOfTurn(_ body: @escaping () -> Void) {
        precondition(inEventLoop, "not on the event loop")
        endOfTurn.append(body)
    }

    /// Says that somebody was asked who may answer in microseconds: the loop may wait for a moment without sleeping. Call it
    /// on the loop.
    package func expectSoon() {
        lookout.expect(at: uv_hrtime())
    }

    /// Something came in.
    func noteInput() {
        lookout.met()
    }

    /// An empty array, where possible with the room of one that was given back: the allocator is slow for what is as large
    /// as a request. Call it on the loop.
    package func takeBuffer() -> [UInt8] {
        buffers.popLast() ?? []
    }

    /// Keeps the room of `buffer` for ``takeBuffer()`` and leaves none. Of large ones and of many it keeps nothing.
    package func giveBack(_ buffer: inout [UInt8]) {
        var given: [UInt8] = []
        swap(&given, &buffer)
        guard buffers.count < Self.keptBuffers, (512...16_384).contains(given.capacity) else { return }
        given.removeAll(keepingCapacity: true)
        buffers.append(given)
    }

    /// A timer that calls `handler` once on the loop. Call it on the loop; keep the timer or it is cancelled.
    package func scheduled(after delay: Duration, _ handler: @escaping () -> Void) -> LoopTimer {
        let timer = LoopTimer(on: self, handler)
        timer.start(after: delay)
        return timer
    }

    /// Takes a job: from the loop's own thread without a lock, from others with a wake-up when the queue was empty.
    func add(_ job: UnownedJob, isPreferred: Bool) {
        let entry = Entry(job: job, isPreferred: isPreferred)
        if inEventLoop {
            local.append(entry)
            return
        }
        remote.withLock { work in
            guard !work.isStopped else { return }
            if work.isEmpty { wake() }
            work.jobs.append(entry)
        }
    }

    /// Wakes the loop. Called with the lock held: once the loop has set `isStopped` under it, its handle is gone.
    private func wake() {
        unsafe uv_async_send(sp_async(wakeup.pointer))
    }
}

// MARK: The thread

extension EventLoop {
    private static let currentKey: pthread_key_t = {
        var key = pthread_key_t()
        unsafe pthread_key_create(&key, nil)
        return key
    }()

    private func startThread() {
        let started = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
        unsafe sem_init(started, 0, 0)
        let context = unsafe Unmanaged.passRetained(ThreadStart(loop: self, started: started)).toOpaque()
        let result = unsafe pthread_create(
            &thread, nil,
            { context in
                guard let context = unsafe context else { return nil }
                let start = unsafe Unmanaged<ThreadStart>.fromOpaque(context).takeRetainedValue()
                start.loop.main { _ = unsafe sem_post(start.started) }
                return nil
            }, context)
        precondition(result == 0, "cannot start a thread")
        while unsafe sem_wait(started) != 0 {}
        unsafe sem_destroy(started)
        unsafe started.deallocate()
    }

    @safe private final class ThreadStart {
        let loop: EventLoop
        let started: UnsafeMutablePointer<sem_t>
        init(loop: EventLoop, started: UnsafeMutablePointer<sem_t>) {
            self.loop = loop
            unsafe self.started = unsafe started
        }
    }

    /// The life of the thread: set up, turn until stopped, tear down.
    private func main(_ running: () -> Void) {
        unsafe pthread_setspecific(Self.currentKey, Unmanaged.passUnretained(self).toOpaque())
        unsafe sp_set_name(name)
        thread = pthread_self()
        setUp()
        running()
        while !mustStop {
            unsafe uv_run(uv, UV_RUN_DEFAULT)
        }
        tearDown()
    }

    private func setUp() {
        // These calls fail only without memory or descriptors at start-up, where there is nothing to protect yet.
        unsafe precondition(uv_loop_init(uv) == 0, "cannot make an event loop")
        let me = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe precondition(uv_async_init(uv, sp_async(wakeup.pointer), { _ in }) == 0, "cannot make a wake-up")
        unsafe uv_prepare_init(uv, sp_prepare(prepare.pointer))
        unsafe uv_idle_init(uv, sp_idle(idle.pointer))
        unsafe uv_loop_set_data(uv, me)
        unsafe uv_prepare_start(sp_prepare(prepare.pointer)) { handle in
            guard let handle = unsafe handle else { return }
            unsafe Unmanaged<EventLoop>.fromOpaque(uv_loop_get_data(handle.pointee.loop)).takeUnretainedValue().turn()
        }
    }

    /// One turn, just before the loop looks at its sockets: all calls, a bounded number of jobs.
    ///
    /// A job that enqueues another one lands behind in the same queue: no recursion, and order kept.
    private func turn() {
        takeRemoteWork()
        var budget = Self.jobsPerTurn
        let serial = unsafe asUnownedSerialExecutor()
        let task = unsafe asUnownedTaskExecutor()
        while localHead < local.count, budget > 0 {
            let next = local[localHead]
            localHead += 1
            budget -= 1
            // What a job runs as must be what it was enqueued as: a task without preference that finds itself on a
            // task executor is enqueued again at each actor and can be lost.
            if next.isPreferred {
                unsafe next.job.runSynchronously(isolatedTo: serial, taskExecutor: task)
            } else {
                unsafe next.job.runSynchronously(on: serial)
            }
        }
        if localHead == local.count {
            local.removeAll(keepingCapacity: local.capacity <= 4096)
            localHead = 0
        } else if localHead >= 1024 {
            local.removeFirst(localHead)
            localHead = 0
        }
        finishTurn()
        // What came up while the turn ended is the next one's.
        setIdling(!local.isEmpty || !endOfTurn.isEmpty || lookout.goesOn { uv_hrtime() })
    }

    private func finishTurn() {
        guard !endOfTurn.isEmpty else { return }
        var bodies: [() -> Void] = []
        swap(&bodies, &endOfTurn)
        for body in bodies { body() }
        // Nearly always only these: their room serves the next turn.
        if endOfTurn.isEmpty {
            bodies.removeAll(keepingCapacity: true)
            swap(&bodies, &endOfTurn)
        }
    }

    private func takeRemoteWork() {
        var calls: [@Sendable () -> Void] = []
        remote.withLock { work in
            if !work.jobs.isEmpty {
                remoteJobs &+= work.jobs.count
                local.append(contentsOf: work.jobs)
                work.jobs.removeAll(keepingCapacity: true)
            }
            if !work.calls.isEmpty { swap(&calls, &work.calls) }
        }
        for call in calls { call() }
    }

    /// An active idle handle makes libuv look at the sockets without waiting: jobs remain, or something comes in a moment.
    private func setIdling(_ on: Bool) {
        guard on != isIdling else { return }
        isIdling = on
        if on {
            unsafe uv_idle_start(sp_idle(idle.pointer)) { _ in }
        } else {
            unsafe uv_idle_stop(sp_idle(idle.pointer))
        }
    }
}

// MARK: Stopping

extension EventLoop {
    /// Closes every socket, pipe and timer of the loop, lets their tasks finish, ends the thread and waits for it.
    ///
    /// Idempotent. Work that arrives afterwards is dropped, so stop the users of a loop first. Not for the loop's own
    /// thread.
    package func shutdown() {
        precondition(!inEventLoop, "a loop cannot wait for its own end")
        let isFirst = remote.withLock { work in
            guard !work.isStopping else { return false }
            work.isStopping = true
            wake()
            work.calls.append { [self] in
                mustStop = true
                unsafe uv_stop(uv)
            }
            return true
        }
        guard isFirst else { return }
        pthread_join(thread, nil)
    }

    private func tearDown() {
        unsafe uv_walk(
            uv,
            { handle, _ in
                guard let handle = unsafe handle, let data = unsafe sp_data(handle) else { return }
                let owner = unsafe Unmanaged<AnyObject>.fromOpaque(data).takeUnretainedValue()
                (owner as? any LoopResource)?.loopWillStop()
            }, nil)
        // Close callbacks and the tasks that they wake get a bounded number of turns.
        for _ in 0..<64 {
            unsafe uv_run(uv, UV_RUN_NOWAIT)
        }
        remote.withLock { $0.isStopped = true }
        for handle in [wakeup, prepare, idle] { handle.close() }
        var attempts = 0
        while attempts < 64, unsafe uv_loop_close(uv) != 0 {
            unsafe uv_run(uv, UV_RUN_NOWAIT)
            attempts += 1
        }
    }
}
