import AsyncIO
import JSON
import Telemetry

// The only place where the client starts tasks: one for each open request, one for the general stream, one for each answer
// of the client.
extension StreamableHTTPClient {
    func start(_ message: JSONRPCMessage, _ id: JSONRPCID) {
        let task = Task(executorPreference: loop) {
            await self.exchange(message)
            await self.finished(id)
        }
        open[id] = OpenRequest(task: task, isModern: ModernRequestHeaders.claim(of: message) != nil)
    }

    /// Sends a message that nothing waits for; then ends `request`.
    func run(_ message: JSONRPCMessage, of session: Int? = nil, thenCancelling request: Task<Void, Never>? = nil) {
        guard errands.count < Self.maximumOpen else {
            logger.warning("a message is dropped: the server takes none")
            return
        }
        lastErrand += 1
        let number = lastErrand
        errands[number] = Task(executorPreference: loop) {
            await self.exchange(message, of: session)
            request?.cancel()
            await self.returned(number)
        }
    }

    private func returned(_ number: Int) { errands[number] = nil }

    /// Begins another session, once for all who found out that the last one is gone; they wait for `renewal`.
    func renewSession() {
        renewal = Task(executorPreference: loop) { await self.runRenewal() }
    }

    private func runRenewal() async {
        let isDone = await finishes(within: settings.renewalTimeout) { await $0.tryAgain() }
        if !isDone, !isClosed {
            // What was begun may be half a session.
            forgetSession()
            logger.warning("the session could not be begun again", ["reason": "the server takes too long"])
        }
        renewal = nil
    }

    private func tryAgain() async {
        do throws(ExchangeFailure) {
            try await beginAgain()
        } catch {
            logger.warning("the session could not be begun again", ["reason": .string(error.reason)])
        }
    }

    /// Runs `body`, which heeds cancellation, for `limit` at most; false where that was not enough.
    func finishes(
        within limit: Duration, _ body: @escaping @Sendable (StreamableHTTPClient) async -> Void
    ) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                await body(self)
                return true
            }
            group.addTask {
                // Cancelled when the other one is done.
                try? await self.loop.sleep(for: limit)
                return false
            }
            let isDone = await group.next() ?? false
            group.cancelAll()
            return isDone
        }
    }

    private func finished(_ id: JSONRPCID) { open[id] = nil }

    /// Opens the general stream of a legacy session, where the server has one (c53).
    func listen() {
        guard version != nil, stream == nil, !isClosed else { return }
        stream = Task(executorPreference: loop) { await self.followGeneralStream() }
    }

    /// Waits for open requests and answers, at most `limit`, then ends the session (d8).
    package func close(within limit: Duration) async {
        let deadline = EventLoop.preciseNow + limit
        while !open.isEmpty || !errands.isEmpty, EventLoop.preciseNow < deadline {
            // Cancelled: whoever closes is in a hurry.
            do { try await loop.sleep(for: .milliseconds(5)) } catch { break }
        }
        isClosed = true
        stream?.cancel()
        renewal?.cancel()
        for request in open.values { request.task.cancel() }
        for task in errands.values { task.cancel() }
        await endSession()
    }
}
