import Synchronization

/// How near the process is to a bound on its memory, beyond which it is killed (F19): what is new is then refused, so that
/// what has been taken on is answered. Without a bound there is none of this.
///
/// Atomics, because every loop looks at it.
package final class MemoryPressure: Sendable {
    /// What is refused.
    package enum Level: Int, Comparable, Sendable {
        case calm
        /// New requests: 503.
        case high
        /// New connections too.
        case critical

        package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    private let state = Atomic<Int>(0)
    private let content = Atomic<Int>(0)
    private let contentLimit: Int

    /// A pressure of nothing yet. All large requests that are being read and answered may hold `contentLimit` bytes: between
    /// two looks at the memory more could come than there is.
    package init(contentLimit: Int) {
        self.contentLimit = contentLimit
    }

    /// Set by whoever watches the memory.
    package var level: Level {
        get { Level(rawValue: state.load(ordering: .relaxed)) ?? .calm }
        set { state.store(newValue.rawValue, ordering: .relaxed) }
    }

    /// Bytes that large requests hold now.
    var heldContent: Int { content.load(ordering: .relaxed) }

    /// Takes room for content; false when there is none.
    func reserve(_ count: Int) -> Bool {
        let (_, sum) = content.add(count, ordering: .relaxed)
        if sum <= contentLimit { return true }
        release(count)
        return false
    }

    /// Gives it back.
    func release(_ count: Int) {
        content.subtract(count, ordering: .relaxed)
    }
}

/// The room that the content of one request takes, one request after the other.
final class ContentRoom {
    /// Content up to this size counts for nothing: nearly every request is smaller.
    private static let small = 65_536

    private let pressure: MemoryPressure
    private var held = 0

    init(_ pressure: MemoryPressure) {
        self.pressure = pressure
    }

    deinit { giveBack() }

    /// Holds room for so much content in all; false when there is none.
    func hold(_ count: Int) -> Bool {
        guard count > Self.small else { return true }
        guard pressure.level < .critical, pressure.reserve(count - held) else { return false }
        held = count
        return true
    }

    /// Gives all of it back.
    func giveBack() {
        guard held > 0 else { return }
        pressure.release(held)
        held = 0
    }
}
