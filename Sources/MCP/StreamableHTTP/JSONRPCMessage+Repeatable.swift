import JSON

extension JSONRPCMessage {
    /// Whether a server that gets it twice does no more than for one: reads and lists. Never a call, an answer, what begins a
    /// session, or what goes on where a question was answered (its state serves once).
    var isRepeatable: Bool {
        guard params?["requestState"] == nil else { return false }
        return isMethod("tools/list") || isMethod("prompts/list") || isMethod("prompts/get")
            || isMethod("resources/list") || isMethod("resources/templates/list") || isMethod("resources/read")
            || isMethod("server/discover") || isMethod("completion/complete") || isMethod("ping")
            || isMethod("tasks/get")
    }
}
