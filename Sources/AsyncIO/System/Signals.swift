import CLibUV
import Glibc

/// Signals of the process.
package enum Signals {
    /// Writing to a closed pipe is an error of that pipe, not the end of the process.
    package static func ignoreBrokenPipes() {
        _ = signal(SIGPIPE, SIG_IGN)
    }

    /// The signals named, as they arrive; ends when the consumer stops. At most eight are kept for a slow consumer.
    package static func stream(of numbers: [Int32], on loop: EventLoop) -> AsyncStream<Int32> {
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self, bufferingPolicy: .bufferingOldest(8))
        loop.run {
            let watchers = numbers.compactMap { number in
                SignalWatcher(number, on: loop) { continuation.yield($0) }
            }
            continuation.onTermination = { _ in
                loop.execute { for watcher in watchers { watcher.close() } }
            }
        }
        return stream
    }
}

/// One watched signal.
// SAFETY: used on the loop's thread alone.
private final class SignalWatcher: LoopResource, @unchecked Sendable {
    private let handle: UVHandle
    private var handler: ((Int32) -> Void)?

    /// Nil when the signal cannot be watched (SIGKILL, SIGSTOP).
    init?(_ number: Int32, on loop: EventLoop, _ handler: @escaping (Int32) -> Void) {
        handle = UVHandle(UV_SIGNAL)
        self.handler = handler
        unsafe uv_signal_init(loop.uv, sp_signal(handle.pointer))
        handle.attach(self)
        let result = unsafe uv_signal_start(
            sp_signal(handle.pointer),
            { unsafe UVHandle.owner($0, as: SignalWatcher.self)?.handler?($1) }, number)
        if result != 0 {
            handle.close()
            return nil
        }
    }

    func close() {
        handler = nil
        handle.close()
    }

    func loopWillStop() {
        close()
    }
}
