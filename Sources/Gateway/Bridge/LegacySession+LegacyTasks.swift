import JSON
import MCP

// Tools that a server of 2025-11-25 runs as tasks and not otherwise (B1): modern clients are not told of its tasks, so their
// calls last until the task has ended.
extension LegacySession {
    /// Which call the response under `number` ends; nil where it is only a task that was made of one, whose result is asked
    /// for now: it comes when the task has ended, and what the server asks meanwhile is asked for that.
    func call(endedBy number: Int, _ response: JSONRPCMessage) -> Int? {
        if let call = taskResults.removeValue(forKey: number) { return call }
        guard let exchange = exchanges[number], exchange.runsAsTask, exchange.task == nil,
            let task = LegacyTasks.task(in: response)
        else { return number }
        let result = calls.reserve()
        exchange.task = .init(name: task, result: result)
        taskResults[result] = number
        sendLine(LegacyTasks.request("tasks/result", task, number: result) + [0x0A])
        return nil
    }

    /// Tells the server that nobody waits for call `number` any more.
    func cancelAtServer(_ number: Int, _ reason: StaticString) {
        guard let task = exchanges[number]?.task else {
            return sendLine(JSONRPCText.cancelled(JSONRPCID(number: number), reason: reason) + [0x0A])
        }
        sendLine(JSONRPCText.cancelled(JSONRPCID(number: task.result), reason: reason) + [0x0A])
        tell(LegacyTasks.request("tasks/cancel", task.name, number: 0))
    }
}
