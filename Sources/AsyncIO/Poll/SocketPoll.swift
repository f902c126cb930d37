import CLibUV

/// Watches a descriptor that somebody else owns (libcurl's sockets, a process descriptor).
///
/// Confined to its loop. Stop or drop it before the owner closes the descriptor: the descriptor's number may come back
/// at once. Letting go of it stops it.
package final class SocketPoll {
    /// What a descriptor is ready for.
    package struct Events: OptionSet, Sendable {
        package let rawValue: Int32
        package init(rawValue: Int32) { self.rawValue = rawValue }
        package static let readable = Events(rawValue: 1)
        package static let writable = Events(rawValue: 2)
        /// The descriptor reports an error; reading or writing it tells which.
        package static let failed = Events(rawValue: 1 << 16)
    }

    private let core: PollCore

    /// Nil when libuv cannot watch the descriptor (a regular file).
    package init?(_ descriptor: Int32, on loop: EventLoop, _ handler: @escaping (Events) -> Void) {
        guard let core = PollCore(descriptor, on: loop, handler) else { return nil }
        self.core = core
    }

    deinit {
        let core = core
        core.loop.run { core.close() }
    }

    /// Calls the handler on the loop whenever the descriptor is ready for one of `events`, until changed or stopped.
    package func watch(_ events: Events) {
        core.watch(events)
    }

    /// Stops watching for good; the handler is not called any more.
    package func close() {
        core.close()
    }
}

/// The part of a poll that libuv keeps alive.
// SAFETY: used on the loop's thread alone; checked at every entry.
final class PollCore: LoopResource, @unchecked Sendable {
    let loop: EventLoop
    private let handle: UVHandle
    private var handler: ((SocketPoll.Events) -> Void)?
    /// Called instead of further events when the loop stops first.
    var whenLoopStops: (() -> Void)?

    init?(_ descriptor: Int32, on loop: EventLoop, _ handler: @escaping (SocketPoll.Events) -> Void) {
        precondition(loop.inEventLoop, "a poll is used on its loop only")
        self.loop = loop
        handle = UVHandle(UV_POLL)
        guard unsafe uv_poll_init(loop.uv, sp_poll(handle.pointer), descriptor) == 0 else {
            handle.discard()
            return nil
        }
        self.handler = handler
        handle.attach(self)
    }

    func watch(_ events: SocketPoll.Events) {
        precondition(loop.inEventLoop, "a poll is used on its loop only")
        guard handler != nil else { return }
        let wanted = events.rawValue & 3
        if wanted == 0 {
            unsafe uv_poll_stop(sp_poll(handle.pointer))
            return
        }
        unsafe uv_poll_start(sp_poll(handle.pointer), wanted) { handle, status, events in
            let ready = SocketPoll.Events(rawValue: status < 0 ? SocketPoll.Events.failed.rawValue : events & 3)
            unsafe UVHandle.owner(handle, as: PollCore.self)?.handler?(ready)
        }
    }

    func close() {
        precondition(loop.inEventLoop, "a poll is used on its loop only")
        guard handler != nil else { return }
        handler = nil
        whenLoopStops = nil
        handle.close()
    }

    func loopWillStop() {
        whenLoopStops?()
        close()
    }
}
