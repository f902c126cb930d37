import JSON

extension RemoteConversation {
    /// Sends a question whose answer somebody waits for already.
    func begin(_ message: JSONValue) {
        Task(executorPreference: loop) { await self.send(message) }
    }
}
