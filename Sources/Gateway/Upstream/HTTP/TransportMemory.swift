import Synchronization

/// Whether a server turned out to speak 2024-11-05 alone, for the sessions that begin later (d4). An atomic: they are on any
/// loop.
final class TransportMemory: Sendable {
    private let isChannel = Atomic<Bool>(false)

    /// What the next session is to begin with.
    var usesEventChannel: Bool { isChannel.load(ordering: .relaxed) }

    func learned(usesEventChannel: Bool) { isChannel.store(usesEventChannel, ordering: .relaxed) }
}
