import Glibc

/// A child process, its three streams and its end.
///
/// The child runs under a launcher (see ``Launcher``) in a session of its own, with exactly the environment that was
/// configured, descriptors 0–2 and no way to gain privileges. It and all its descendants die with the gateway. Always
/// call ``stop(closing:terminating:)`` when done, also after the child ended by itself: it gives the descriptors back.
package actor ChildProcess {
    /// The loop of the child's streams.
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    /// The number of the child; also of its session and process group.
    package nonisolated let pid: Int32

    /// What the child reads; closing it (``ByteStream/close()`` or `shutdownWrite`) is its end of input.
    package nonisolated let standardInput: ByteStream
    /// What the child writes.
    package nonisolated let standardOutput: ByteStream
    /// What the child complains; read it always, or a chatty child blocks when the pipe is full.
    package nonisolated let standardError: ByteStream

    let core: ProcessCore
    /// Of whoever started it; see ``Configuration/companion``.
    let companion: (any AnyObject & Sendable)?
    private var stopping = false

    init(_ core: ProcessCore, pid: Int32, companion: (any AnyObject & Sendable)?) {
        self.companion = companion
        self.core = core
        self.pid = pid
        loop = core.loop
        standardInput = core.input
        standardOutput = core.output
        standardError = core.error
    }

    deinit {
        let core = core
        core.loop.run { core.abandon() }
    }

    /// Starts a child; its streams live on `loop`. Callable from everywhere.
    package static func spawn(
        _ configuration: Configuration, on loop: EventLoop
    ) async throws(SpawnError) -> ChildProcess {
        let launched = try await LaunchedProcess.start(configuration)
        let core = try await ProcessCore.adopt(launched, on: loop)
        do throws(SpawnError) {
            let pid = try await core.started(configuration)
            return ChildProcess(core, pid: pid, companion: configuration.companion)
        } catch {
            loop.run { core.abandon() }
            throw error
        }
    }

    /// How it ended, if it has.
    package var exitStatus: ExitStatus? { core.exitStatus }

    /// Waits for the end of the child. Descendants that outlive it are killed half a second later.
    ///
    /// Cancellation does not shorten the wait; ``stop(closing:terminating:)`` does.
    package func wait() async -> ExitStatus {
        _ = await core.wait(for: .exit, within: nil)
        return core.exitStatus ?? .lost
    }

    /// Calls `handler` on the loop when the child has ended; for one who has no task to wait in. The last one counts.
    package nonisolated func whenExited(_ handler: @escaping @Sendable () -> Void) {
        let core = core
        core.loop.run { core.whenExited(handler) }
    }

    /// Whether it ended within `limit`.
    package func hasExited(within limit: Duration) async -> Bool {
        await core.wait(for: .exit, within: limit)
    }

    /// Ends the child: closes its input, waits, sends SIGTERM to its group, waits, kills the whole tree.
    ///
    /// When this returns nothing of the tree is left, the launcher is reaped and the streams are closed. Idempotent; it
    /// takes at most both graces and a few seconds.
    @discardableResult
    package func stop(closing: Duration = .seconds(2), terminating: Duration = .seconds(2)) async -> ExitStatus {
        if !stopping {
            stopping = true
            standardInput.close()
            if !(await core.wait(for: .exit, within: closing)) {
                core.send(LauncherMessage.terminate)
                _ = await core.wait(for: .exit, within: terminating)
            }
        }
        await vanish()
        return core.exitStatus ?? .lost
    }

    /// Kills the whole tree at once.
    @discardableResult
    package func kill() async -> ExitStatus {
        stopping = true
        await vanish()
        return core.exitStatus ?? .lost
    }

    /// Waits for the launcher, which ends when nobody of the tree is left, and gives everything back.
    private func vanish() async {
        // The child has ended or is being killed; what descends from it has no reason to stay.
        core.send(LauncherMessage.kill)
        if !(await core.wait(for: .launcherEnd, within: .seconds(7))) {
            // The launcher itself hangs; its death takes the child along.
            core.killLauncher()
            _ = await core.wait(for: .launcherEnd, within: .seconds(1))
        }
        core.abandon()
    }
}
