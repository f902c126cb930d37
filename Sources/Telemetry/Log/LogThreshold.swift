import Synchronization

/// The lowest level that one module writes; shared by all of its loggers, so that a change reaches those that are there.
final class LogThreshold: Sendable {
    private let minimum: Atomic<Int>

    init(_ level: LogLevel) { minimum = Atomic(level.rawValue) }

    /// Whether a line of `level` is written.
    func admits(_ level: LogLevel) -> Bool { level.rawValue >= minimum.load(ordering: .relaxed) }

    func set(_ level: LogLevel) { minimum.store(level.rawValue, ordering: .relaxed) }
}

/// The thresholds of a sink. A `Mutex` because loggers are made on every loop; a line is written without it.
final class LogThresholds: Sendable {
    private struct State {
        var levels: LogLevels
        var thresholds: [String: LogThreshold] = [:]
    }

    private let state: Mutex<State>

    init(_ levels: LogLevels) { state = Mutex(State(levels: levels)) }

    /// That of a module; the same one whenever it is asked for.
    func threshold(of module: String) -> LogThreshold {
        state.withLock { state in
            if let known = state.thresholds[module] { return known }
            let made = LogThreshold(state.levels.minimum(of: module))
            state.thresholds[module] = made
            return made
        }
    }

    /// Other levels from now on.
    func set(_ levels: LogLevels) {
        state.withLock { state in
            state.levels = levels
            for (module, threshold) in state.thresholds { threshold.set(levels.minimum(of: module)) }
        }
    }
}
