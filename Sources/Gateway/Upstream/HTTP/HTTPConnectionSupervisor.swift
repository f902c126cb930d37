// The only place where a connection over HTTP starts a task: one that hands lines on while there are some.
extension HTTPServerConnection {
    func startPump() {
        pump = Task(executorPreference: loop) { await self.runPump() }
    }
}
