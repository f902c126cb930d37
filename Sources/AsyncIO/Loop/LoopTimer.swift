import CLibUV

/// A timer of one loop, for use on that loop: start, stop and start again as often as needed; it fires once per start.
///
/// Starting and stopping cost no allocation. Letting go of it cancels it.
package final class LoopTimer {
    private let core: TimerCore

    /// A stopped timer. Call it on the loop.
    package init(on loop: EventLoop, _ handler: @escaping () -> Void) {
        core = TimerCore(on: loop, handler)
    }

    deinit {
        let core = core
        core.loop.run { core.close() }
    }

    /// (Re)starts it; `handler` is called once, not before `delay` has passed.
    package func start(after delay: Duration) {
        core.start(after: delay)
    }

    /// Stops it; `handler` is not called until the next start.
    package func stop() {
        core.stop()
    }
}

/// The part of a timer that libuv keeps alive.
// SAFETY: used on the loop's thread alone; checked in `start`.
final class TimerCore: LoopResource, @unchecked Sendable {
    /// A timer that is later than this was held up with the whole process, in milliseconds.
    private static let muchLater: UInt64 = 500

    let loop: EventLoop
    private let handle: UVHandle
    private var handler: (() -> Void)?
    /// When it is due, by the loop's time in milliseconds.
    private var due: UInt64 = 0
    private var isPostponed = false

    init(on loop: EventLoop, _ handler: @escaping () -> Void) {
        precondition(loop.inEventLoop, "timers are made on their loop")
        self.loop = loop
        self.handler = handler
        handle = UVHandle(UV_TIMER)
        // Cannot fail: libuv only fills in the memory.
        unsafe uv_timer_init(loop.uv, sp_timer(handle.pointer))
        handle.attach(self)
    }

    func start(after delay: Duration) {
        precondition(loop.inEventLoop, "timers are used on their loop")
        guard handler != nil else { return }
        // libuv counts from the start of this turn; what has passed since is added so that no timer fires early.
        let late = unsafe (uv_hrtime() / 1_000_000) &- uv_now(loop.uv)
        let (timeout, overflow) = delay.milliseconds.addingReportingOverflow(late)
        isPostponed = false
        startHere(overflow ? .max : timeout)
    }

    private func startHere(_ timeout: UInt64) {
        let (sum, overflow) = unsafe uv_now(loop.uv).addingReportingOverflow(timeout)
        due = overflow ? .max : sum
        unsafe uv_timer_start(
            sp_timer(handle.pointer), { unsafe UVHandle.owner($0, as: TimerCore.self)?.fire() }, timeout, 0)
    }

    func stop() {
        guard handler != nil else { return }
        unsafe uv_timer_stop(sp_timer(handle.pointer))
    }

    func close() {
        guard handler != nil else { return }
        handler = nil
        handle.close()
    }

    func loopWillStop() {
        close()
    }

    private func fire() {
        // The process stood still, stopped or without a processor. What came meanwhile came in time: the sockets are looked at
        // before anybody is told that it did not (F27).
        if !isPostponed, unsafe uv_now(loop.uv) &- due > Self.muchLater, handler != nil {
            isPostponed = true
            return startHere(1)
        }
        handler?()
    }
}
