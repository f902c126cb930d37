import CLibUV
import Glibc

/// What happens with one child, on the loop: its streams, the launcher's messages, who waits for what.
// SAFETY: used on the loop's thread alone; the streams and polls inside check that.
final class ProcessCore: @unchecked Sendable {
    /// What one can wait for.
    enum Event {
        case start, exit, launcherEnd
    }

    @safe private final class Waiter {
        let event: Event
        var timer: LoopTimer?
        var continuation: UnsafeContinuation<Bool, Never>?
        init(_ event: Event) { self.event = event }
    }

    let loop: EventLoop
    let input: ByteStream
    let output: ByteStream
    let error: ByteStream
    let control: StreamCore
    let launcher: Int32
    let processDescriptor: FileDescriptor
    var watch: PollCore?
    private(set) var messages: [UInt8] = []
    private var waiters: [Waiter] = []
    private var exitHandler: (() -> Void)?

    private var pid: Int32?
    private var failure: LauncherMessage?
    private(set) var exitStatus: ChildProcess.ExitStatus?
    private(set) var hasLauncherEnded = false

    /// Takes over the launched process on `loop`; `pid` where it is known that the program runs.
    static func adopt(
        _ handover: Handover, as pid: Int32? = nil, on loop: EventLoop
    ) async throws(ChildProcess.SpawnError) -> ProcessCore {
        typealias Adoption = Result<ProcessCore, ChildProcess.SpawnError>
        let result: Adoption = await unsafe withUnsafeContinuation {
            (continuation: UnsafeContinuation<Adoption, Never>) in
            loop.run {
                guard let process = handover.take() else {
                    unsafe continuation.resume(returning: .failure(.launcherFailed))
                    return
                }
                let launcher = process.launcher
                do throws(IOError) {
                    let core = try ProcessCore(process, on: loop)
                    core.pid = pid
                    unsafe continuation.resume(returning: .success(core))
                } catch {
                    _ = BlockingExecutor.shared.submit { LaunchedProcess.reap(launcher) }
                    unsafe continuation.resume(returning: .failure(.launcherFailed))
                }
            }
        }
        return try result.get()
    }

    private init(_ process: consuming LaunchedProcess, on loop: EventLoop) throws(IOError) {
        self.loop = loop
        launcher = process.launcher
        input = ByteStream(try .open(process.input.release(), isSocket: false, on: loop))
        output = ByteStream(try .open(process.output.release(), isSocket: false, on: loop))
        error = ByteStream(try .open(process.error.release(), isSocket: false, on: loop))
        control = try .open(process.control.release(), isSocket: true, on: loop)
        processDescriptor = process.processDescriptor
        control.onBytes = { [unowned self] in received($0) }
        control.setPeerClosedHandler { [unowned self] in controlEnded() }
        // The watch keeps this object until the launcher is reaped, whatever its users do.
        guard
            let watch = PollCore(processDescriptor.rawValue, on: loop, { [self] events in launcherMayHaveEnded() })
        else { throw .system(code: EINVAL) }
        self.watch = watch
        watch.whenLoopStops = { [self] in abandonForGood() }
        watch.watch(.readable)
    }

    /// Waits until the program runs.
    func started(_ configuration: ChildProcess.Configuration) async throws(ChildProcess.SpawnError) -> Int32 {
        let answered = await wait(for: .start, within: configuration.startTimeout)
        if let pid { return pid }
        switch failure {
        case .failed(.execute, let code): throw .notExecutable(path: configuration.executable, code: code)
        case .failed(let step, let code): throw .system(step: step.description, code: code)
        default: throw answered ? .launcherFailed : (Task.isCancelled ? .cancelled : .timedOut)
        }
    }

    // MARK: Waiting

    /// Whether `event` has happened within `limit`; waiting for the start also ends with cancellation.
    func wait(for event: Event, within limit: Duration?) async -> Bool {
        await Self.wait(self, for: event, within: limit)
    }

    /// Callable from other loops: the hop is inside.
    private static func wait(_ core: ProcessCore, for event: Event, within limit: Duration?) async -> Bool {
        let waiter = WaiterBox()
        return await unsafe suspend { continuation in
            core.loop.run { unsafe core.add(event, limit, continuation, waiter) }
        } onCancel: {
            if event == .start { core.loop.execute { waiter.cancel(core) } }
        }
    }

    // SAFETY: used on the loop's thread alone.
    private final class WaiterBox: @unchecked Sendable {
        var waiter: Waiter?
        var isCancelled = false
        func cancel(_ core: ProcessCore) {
            isCancelled = true
            if let waiter { core.finish(waiter, false) }
        }
    }

    private func add(
        _ event: Event, _ limit: Duration?, _ continuation: UnsafeContinuation<Bool, Never>, _ box: WaiterBox
    ) {
        if hasHappened(event) || box.isCancelled {
            unsafe continuation.resume(returning: hasHappened(event))
            return
        }
        let waiter = Waiter(event)
        unsafe waiter.continuation = unsafe continuation
        if let limit {
            waiter.timer = loop.scheduled(after: limit) { [unowned self, unowned waiter] in finish(waiter, false) }
        }
        box.waiter = waiter
        waiters.append(waiter)
    }

    private func hasHappened(_ event: Event) -> Bool {
        switch event {
        case .start: pid != nil || failure != nil || exitStatus != nil
        case .exit: exitStatus != nil
        case .launcherEnd: hasLauncherEnded
        }
    }

    /// Calls `handler` when the child has ended, once.
    func whenExited(_ handler: @escaping () -> Void) {
        exitHandler = handler
        wakeWaiters()
    }

    private func finish(_ waiter: Waiter, _ result: Bool) {
        waiters.removeAll { $0 === waiter }
        guard let continuation = unsafe waiter.continuation else { return }
        unsafe waiter.continuation = nil
        waiter.timer = nil
        unsafe continuation.resume(returning: result)
    }

    private func wakeWaiters() {
        for waiter in waiters where hasHappened(waiter.event) { finish(waiter, true) }
        guard exitStatus != nil, let handler = exitHandler else { return }
        exitHandler = nil
        handler()
    }

    // MARK: The launcher

    /// Sends one command; a launcher that is gone needs none.
    func send(_ command: UInt8) {
        _ = try? control.startWriting([command])
    }

    func killLauncher() {
        if !hasLauncherEnded { sp_pidfd_signal(processDescriptor.rawValue, SIGKILL) }
    }

    /// Closes all streams. The launcher kills what is left of the tree when its socket ends.
    func abandon() {
        input.close()
        output.close()
        error.close()
        control.close()
    }

    /// The loop stops before the launcher: it ends because its socket ends, and a pool thread reaps it.
    private func abandonForGood() {
        abandon()
        let launcher = launcher
        _ = BlockingExecutor.shared.submit { LaunchedProcess.reap(launcher) }
    }

    private func received(_ bytes: [UInt8]) {
        messages += bytes
        while messages.count >= LauncherMessage.size {
            let message = LauncherMessage(messages.prefix(LauncherMessage.size))
            messages.removeFirst(LauncherMessage.size)
            switch message {
            case .started(let number): pid = number
            case .failed: failure = message
            case .exited(let code): exitStatus = .exited(code: code)
            case .killed(let signal): exitStatus = .killed(signal: signal)
            case nil: break
            }
        }
        wakeWaiters()
    }

    private func controlEnded() {
        control.close()
        if exitStatus == nil { exitStatus = .lost }
        wakeWaiters()
    }

    /// The process descriptor is readable: reap the launcher, of which we are the only parent.
    private func launcherMayHaveEnded() {
        var status: Int32 = 0
        let reaped = unsafe waitpid(launcher, &status, WNOHANG)
        guard reaped == launcher || (reaped < 0 && errno == ECHILD) else { return }
        Orphans.launcherEnded(launcher, status: reaped == launcher ? status : 0)
        watch?.close()
        watch = nil
        hasLauncherEnded = true
        // Its last message may still be in the socket: the end of that comes after it.
        if control.isClosed, exitStatus == nil { exitStatus = .lost }
        wakeWaiters()
    }
}
