import AsyncIO

// The only place where a connection over HTTP starts tasks: one that hands lines on while there are some, and one that sees
// after the session while nobody says anything.
extension HTTPServerConnection {
    func startPump() {
        pump = Task(executorPreference: loop) { await self.runPump() }
    }

    func startUpkeep() {
        guard endpoint.heartbeat != nil || endpoint.rediscovery != nil else { return }
        upkeep = Task(executorPreference: loop) { await self.runUpkeep() }
    }

    private func runUpkeep() async {
        var comparedAt = EventLoop.preciseNow
        while !isStopped {
            let now = EventLoop.preciseNow
            let beat = endpoint.heartbeat.map { heardAt + $0 }
            let look = endpoint.rediscovery.map { comparedAt + $0 }
            guard let due = [beat, look].compactMap({ $0 }).min() else { return }
            guard due <= now else {
                // Cancelled: the connection is stopped.
                do { try await loop.sleep(for: due - now) } catch { return }
                continue
            }
            if let beat, beat <= now { await sendHeartbeat() }
            if let look, look <= now {
                comparedAt = now
                await compareLists()
            }
        }
    }
}
