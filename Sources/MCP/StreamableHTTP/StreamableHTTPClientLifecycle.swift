import AsyncIO
import JSON
import Telemetry

// The only place where the client starts tasks: one for each open request, one for the general stream.
extension StreamableHTTPClient {
    func start(_ message: JSONRPCMessage, _ id: JSONRPCID) {
        open[id] = Task(executorPreference: loop) {
            await self.exchange(message)
            await self.finished(id)
        }
    }

    /// Begins another session, once for all who found out that the last one is gone; they wait for `renewal`.
    func renewSession() {
        renewal = Task(executorPreference: loop) { await self.runRenewal() }
    }

    private func runRenewal() async {
        do throws(ExchangeFailure) {
            try await beginAgain()
        } catch {
            logger.warning("the session could not be begun again", ["reason": .string(error.reason)])
        }
        renewal = nil
    }

    private func finished(_ id: JSONRPCID) { open[id] = nil }

    /// Opens the general stream of a legacy session, where the server has one (c53).
    func listen() {
        guard version != nil, stream == nil, !isClosed else { return }
        stream = Task(executorPreference: loop) { await self.followGeneralStream() }
    }

    /// Waits for open requests, at most `limit`, then ends the session (d8).
    package func close(within limit: Duration) async {
        let deadline = EventLoop.preciseNow + limit
        while !open.isEmpty, EventLoop.preciseNow < deadline {
            // Cancelled: whoever closes is in a hurry.
            do { try await loop.sleep(for: .milliseconds(5)) } catch { break }
        }
        isClosed = true
        stream?.cancel()
        for task in open.values { task.cancel() }
        await endSession()
    }
}
