import AsyncIO
import MCP
import Telemetry

// What a pool does by itself; the only place where it starts tasks.
extension WarmPool {
    /// How long to wait when there is no place for a process.
    private static let placeInterval = Duration.seconds(2)
    /// One that nobody used has nothing to save.
    private static let stopGrace = Duration.milliseconds(500)

    /// How long the place of one that was taken stays empty: a start takes the machine's time, and the first answer of the
    /// session that took it comes first.
    private static let replacementPause = Duration.milliseconds(50)

    /// Starts what is missing, one after the other.
    func refill() {
        guard !isStopped, !isStarting, timer == nil, spares.count < server.prespawned else { return }
        if let seconds = backoff.remaining(at: EventLoop.preciseNow) { return refill(after: .seconds(seconds)) }
        guard slots.takeSpare(server) else { return refill(after: Self.placeInterval) }
        isStarting = true
        Task(executorPreference: loop) { await self.start() }
    }

    /// Starts another for one that was taken.
    func replace() {
        if timer == nil { refill(after: Self.replacementPause) }
    }

    private func refill(after delay: Duration) {
        timer = loop.scheduled(after: delay) { [weak self] in
            self?.assumeIsolated {
                $0.timer = nil
                $0.refill()
            }
        }
    }

    private func start() async {
        do throws(ChildProcess.SpawnError) {
            let child = try await program.spawn(on: loop)
            isStarting = false
            if isStopped { await discard(child) } else { keep(child) }
        } catch {
            isStarting = false
            slots.giveBackSpare(server)
            backoff.failed(at: EventLoop.preciseNow)
            if !isStopped {
                starts.failed(StartRecord.cannotStart)
                logger.warning("a process cannot be started ahead", ["error": .string(error.description)])
            }
        }
        wakeTaker()
        wakeStoppers()
        refill()
    }

    private func keep(_ child: ChildProcess) {
        let pid = child.pid
        spares.append(Spare(child: child, complaints: StandardErrorTail(logger: logger, now: EventLoop.preciseNow)))
        gauge.set(spares.count)
        child.standardError.deliver(
            to: { [weak self] bytes in self?.assumeIsolated { $0.complained(bytes, pid) } },
            // How that ends does not matter.
            ended: { _ in })
        child.whenExited { [weak self] in self?.assumeIsolated { $0.ended(pid) } }
    }

    /// One ended before anybody took it: it is replaced, but not at once.
    private func ended(_ pid: Int32) {
        guard let place = spares.firstIndex(where: { $0.child.pid == pid }) else { return }
        let spare = spares.remove(at: place)
        gauge.set(spares.count)
        backoff.failed(at: EventLoop.preciseNow)
        starts.failed(StartRecord.endedEarly)
        Task(executorPreference: loop) { await self.bury(spare) }
    }

    private func bury(_ spare: Spare) async {
        let status = await spare.child.stop()
        slots.giveBackSpare(server)
        logger.warning(
            "a process ended before anybody needed it",
            [
                "pid": .integer(Int(spare.child.pid)), "status": .string(status.description),
                "stderr": .string(spare.complaints.tail()),
            ])
        refill()
    }

    private func discard(_ child: ChildProcess) async {
        await child.stop(closing: Self.stopGrace, terminating: Self.stopGrace)
        slots.giveBackSpare(server)
    }

    /// Stops all of them and starts no more; returns when nothing of them is left.
    func stop() async {
        isStopped = true
        timer = nil
        wakeTaker()
        let children = spares.map(\.child)
        spares = []
        gauge.set(0)
        await withDiscardingTaskGroup { for child in children { $0.addTask { await self.discard(child) } } }
        while isStarting {
            await withCheckedContinuation { continuation in
                if isStarting { stoppers.append(continuation) } else { continuation.resume() }
            }
        }
    }

    private func wakeStoppers() {
        let waiting = stoppers
        stoppers = []
        for stopper in waiting { stopper.resume() }
    }
}
