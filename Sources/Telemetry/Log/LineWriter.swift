import Glibc
import Synchronization

/// Writes lines to a file descriptor from one thread of its own. The queue is bounded; what does not fit is dropped
/// and the loss is told in the next line that gets through.
final class LineWriter: Sendable {
    private struct State {
        var queue: [[UInt8]] = []
        var bytes = 0
        var dropped = 0
        var isWriting = false
        var isStarted = false
    }

    private let descriptor: Int32
    /// Most bytes that wait for the thread.
    private let capacity: Int
    private let lossNotice: @Sendable (Int) -> [UInt8]
    private let state = Mutex(State())
    private let wake = Semaphore()

    /// `lossNotice` makes the line that tells how many were dropped.
    init(descriptor: Int32, capacity: Int, lossNotice: @escaping @Sendable (Int) -> [UInt8]) {
        self.descriptor = descriptor
        self.capacity = capacity
        self.lossNotice = lossNotice
    }

    func write(_ line: [UInt8]) {
        let mustStart = state.withLock { state in
            guard state.bytes + line.count <= capacity else {
                state.dropped += 1
                return false
            }
            state.queue.append(line)
            state.bytes += line.count
            defer { state.isStarted = true }
            return !state.isStarted
        }
        if mustStart { Thread.start { self.run() } }
        wake.signal()
    }

    /// Waits until the queue is empty, at most one second.
    func flush() {
        for _ in 0..<200 {
            let isIdle = state.withLock { $0.queue.isEmpty && !$0.isWriting }
            if isIdle { return }
            usleep(5000)
        }
    }

    private func run() {
        while true {
            wake.wait()
            let (lines, dropped) = state.withLock { state in
                let taken = (state.queue, state.dropped)
                state.isWriting = !state.queue.isEmpty
                state.queue.removeAll(keepingCapacity: true)
                state.bytes = 0
                state.dropped = 0
                return taken
            }
            guard !lines.isEmpty else { continue }
            if dropped > 0 { writeAll(lossNotice(dropped)) }
            writeAll(Array(lines.joined()))
            state.withLock { $0.isWriting = false }
        }
    }

    private func writeAll(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            let error = errno
            if written >= 0 {
                rest = rest.dropFirst(written)
            } else if error == EAGAIN {
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = unsafe poll(&waiting, 1, 1000)
            } else if error != EINTR {
                // Nobody reads the log any more; there is no one to tell.
                return
            }
        }
    }
}
