package import AsyncIO
import OAuth
import Telemetry

extension AuthorizationService {
    private static let pollInterval: Duration = .milliseconds(400)
    private static let sweepInterval: Duration = .seconds(300)
    private static let rotationInterval: Duration = .seconds(60)

    /// Reads keys and revocations. Call it before the first connection: until then every bearer check is refused.
    package func prepare() async throws {
        try await readShared()
    }

    /// Keeps memory and store together until the task is cancelled: revocations and keys of other processes twice a
    /// second, expired rows every few minutes. Run it in the program's task group, on a loop.
    package func run(on loop: EventLoop) async {
        await withDiscardingTaskGroup { group in
            group.addTask { await poll(on: loop) }
            group.addTask { await sweep(on: loop) }
            group.addTask { await rotateKeys(on: loop) }
        }
    }

    /// One look at the schedule of the signing keys.
    func followKeySchedule() async throws {
        let changed = try await keys.followSchedule(
            configuration.keyRotation, algorithm: configuration.accessTokenAlgorithm)
        if changed { try await keyring.refresh() }
    }

    // A failed reading is no reason to stop: the index grows stale and refuses (R04) until one works again.
    private func poll(on loop: EventLoop) async {
        var failed = false
        while await pause(AuthorizationService.pollInterval, on: loop) {
            do {
                try await readShared()
                if failed { logger.notice("keys and revocations can be read again") }
                failed = false
            } catch {
                if !failed {
                    logger.error(
                        "keys and revocations cannot be read: tokens are refused",
                        ["error": .string(String(describing: error))])
                }
                failed = true
            }
        }
    }

    private func sweep(on loop: EventLoop) async {
        while await pause(AuthorizationService.sweepInterval, on: loop) {
            do {
                try await sweepOnce()
            } catch {
                logger.warning("expired rows stay for now", ["error": .string(String(describing: error))])
            }
        }
    }

    private func rotateKeys(on loop: EventLoop) async {
        repeat {
            do {
                try await followKeySchedule()
            } catch {
                logger.warning("signing keys stay for now", ["error": .string(String(describing: error))])
            }
        } while await pause(AuthorizationService.rotationInterval, on: loop)
    }

    // Keys first: whoever finds the revocations fresh may conclude that an unknown key is none of ours.
    private func readShared() async throws {
        try await keyring.refresh()
        let time = now
        try await revocations.read(store, at: time, forgetBefore: time - maintenance.forgetAfter)
    }

    /// Frees what can no longer matter, once.
    func sweepOnce() async throws {
        let swept = try await maintenance.purge(at: now)
        if swept.rows + swept.clients > 0 {
            logger.debug("swept", ["rows": .integer(swept.rows), "clients": .integer(swept.clients)])
        }
    }

    private var maintenance: StoreMaintenance { StoreMaintenance(store: store, configuration: configuration) }

    private func pause(_ duration: Duration, on loop: EventLoop) async -> Bool {
        do {
            try await loop.sleep(for: duration)
            return !Task.isCancelled
        } catch {
            return false
        }
    }
}
