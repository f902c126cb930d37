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
        /// Whether something waits that is to be written at once.
        var isUrgent = false
        /// Whether the last of the queue takes further lines, for which the thread was woken already.
        var isGathering = false
        /// The time of the last gathered line, as text: it is the same for all of a millisecond.
        var time = Timestamp(millisecondsSinceEpoch: .min)
        var timeText: [UInt8] = []
        var isStarted = false
    }

    /// How long the thread lets lines gather of which many come, in microseconds: to wake it for each would cost a busy
    /// gateway more than the lines.
    private static let gathering: UInt32 = 20_000

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
            state.isGathering = false
            state.isUrgent = true
            state.bytes += line.count
            defer { state.isStarted = true }
            return !state.isStarted
        }
        if mustStart { Thread.start { self.run() } }
        wake.signal()
    }

    /// Queues a line of which many come: its time is put before `members`, the rest of a JSON object, end of the line included.
    func gather(_ members: [UInt8], at time: Timestamp) {
        let (mustStart, mustWake) = state.withLock { state in
            if time != state.time {
                state.time = time
                state.timeText = Array("{\"time\":\"\(time.iso8601)\"".utf8)
            }
            let count = state.timeText.count + members.count
            guard state.bytes + count <= capacity else {
                state.dropped += 1
                return (false, false)
            }
            let isFirst = !state.isGathering
            if isFirst { state.queue.append([]) }
            state.isGathering = true
            let place = state.queue.count - 1
            state.queue[place] += state.timeText
            state.queue[place] += members
            state.bytes += count
            defer { state.isStarted = true }
            return (!state.isStarted, isFirst)
        }
        if mustStart { Thread.start { self.run() } }
        if mustWake { wake.signal() }
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
            // What is urgent meanwhile waits for so long at most.
            if state.withLock({ $0.isGathering && !$0.isUrgent }) { usleep(Self.gathering) }
            let (lines, dropped) = state.withLock { state in
                let taken = (state.queue, state.dropped)
                state.isWriting = !state.queue.isEmpty
                state.queue.removeAll(keepingCapacity: true)
                state.isGathering = false
                state.isUrgent = false
                state.bytes = 0
                state.dropped = 0
                return taken
            }
            guard !lines.isEmpty else { continue }
            if dropped > 0 { writeAll(lossNotice(dropped)) }
            var text: [UInt8] = []
            for line in lines { text += line }
            writeAll(text)
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
