import Synchronization

/// Whether the gateway takes new work: what `/ready` says.
///
/// An atomic, because every loop asks.
final class Readiness: Sendable {
    /// Forward only.
    enum Stage: UInt8 {
        case starting, ready, draining
    }

    private let stage = Atomic<UInt8>(Stage.starting.rawValue)

    /// Where it stands.
    var current: Stage { Stage(rawValue: stage.load(ordering: .relaxed)) ?? .draining }

    /// Moves on; a stage that has passed does not come back.
    func advance(to next: Stage) {
        stage.max(next.rawValue, ordering: .relaxed)
    }
}
