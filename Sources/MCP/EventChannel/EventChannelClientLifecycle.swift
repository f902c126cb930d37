import AsyncIO
import HTTP
import Telemetry

// The only place where the client starts tasks: one for the stream, one for each request and answer on its way.
extension EventChannelClient {
    private static let maximumErrands = 1024

    /// Reads the stream to its end.
    func follow(_ response: HTTPClientResponse, _ parser: ServerSentEventParser, _ events: [ServerSentEvent]) {
        stream = Task(executorPreference: loop) {
            await self.take(events)
            var parser = parser
            // Whatever breaks the stream, what follows is the same.
            while let bytes = try? await response.body.next() {
                guard let events = try? parser.feed(bytes) else { break }
                await self.take(events)
            }
            await self.ended()
        }
    }

    private func ended() async {
        guard !isClosed else { return }
        await lost()
    }

    func run(_ message: JSONRPCMessage) {
        guard errands.count < Self.maximumErrands else {
            logger.warning("a message is dropped: the server takes none")
            return
        }
        lastErrand += 1
        let number = lastErrand
        errands[number] = Task(executorPreference: loop) {
            await self.post(message)
            await self.returned(number)
        }
    }

    private func returned(_ number: Int) { errands[number] = nil }

    /// Ends the stream, and with it the session.
    package func close() {
        isClosed = true
        stream?.cancel()
        for task in errands.values { task.cancel() }
    }
}
