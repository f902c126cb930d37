import CLibUV
import Synchronization

/// The loops of the process, one per core unless told otherwise.
package final class EventLoopGroup: Sendable {
    package let loops: [EventLoop]
    private let counter = Atomic<Int>(0)

    /// Starts `count` loops (at least one).
    package init(count: Int = EventLoopGroup.coreCount) {
        DescriptorLimit.raise()
        loops = (0..<max(1, count)).map { EventLoop(name: "loop-\($0)") }
    }

    /// The loops in turn.
    package func next() -> EventLoop {
        let index = counter.wrappingAdd(1, ordering: .relaxed).oldValue
        return loops[Int(UInt(bitPattern: index) % UInt(loops.count))]
    }

    /// Stops all loops and waits for their threads. Not to be called on one of them.
    package func shutdown() {
        for loop in loops { loop.shutdown() }
    }

    /// The cores that this process may use.
    package static var coreCount: Int { Int(uv_available_parallelism()) }
}
