import AsyncIO
import JSON
import MCP

// Calls that a modern server made tasks of (SEP-2663). Its client knows nothing of tasks: the call lasts until the task has
// ended, what the task asks for is put to the client, and whoever gives the call up gives up the task (mcp.md B1).
extension ModernServerConnection {
    /// The server gave a task instead of a result.
    func follow(_ call: ModernCall, _ result: JSONNode) {
        guard call.method == .toolsCall, let name = result["taskId"], name.kind == .string else {
            return fail(call, "The server gave a task that cannot be followed")
        }
        call.task = ModernCall.OwnTask(name: Array(name.bytes))
        lookAgain(call, after: TaskState.interval(result))
    }

    private func lookAgain(_ call: ModernCall, after interval: Duration) {
        call.retriesAt = EventLoop.preciseNow + interval
        arm()
    }

    /// Tells the server what its task asked for, or asks how it goes.
    func ask(about task: ModernCall.OwnTask, _ call: ModernCall, _ client: LegacyClient) {
        lastNumber += 1
        call.number = lastNumber
        working[lastNumber] = call
        let responses = Self.object(call.answers)
        call.answers = []
        call.task?.isAnswering = responses != nil
        let line = ModernBoundMessage.task(task.name, number: lastNumber, client: client, responses: responses)
        do throws(IOError) {
            try inner.send(line)
        } catch {
            fail(call, "The server does not keep up")
        }
    }

    /// The server answered what was asked of, or told to, the task of `call`.
    func answered(_ message: JSONRPCMessage, aboutTaskOf call: ModernCall, _ client: LegacyClient) {
        guard let result = message.node["result"], result.isObject else {
            call.task = nil
            return fail(call, "The server has lost the task that it made of the call")
        }
        guard call.task?.isAnswering == false else { return lookAgain(call, after: TaskState.interval(result) / 4) }
        switch TaskState(result) {
        case .working: lookAgain(call, after: TaskState.interval(result))
        case .inputRequired(let required): put(required, of: call, client, TaskState.interval(result))
        case .ended(let answer):
            guard answer.node["error"] == nil else {
                return finish(call, LegacyBoundMessage.error(answer, id: call.id, method: call.method))
            }
            finish(
                call,
                LegacyBoundMessage.result(
                    answer, id: call.id, method: call.method, tool: call.tool, client: client, outputs: &outputs))
        case .cancelled:
            call.task = nil
            fail(call, "The server cancelled the task that it made of the call")
        case .unreadable: fail(call, "The server said something of its task that cannot be understood")
        }
    }

    /// Puts what the client was not asked yet to it: a server repeats what it waits for.
    private func put(_ required: InputRequired, of call: ModernCall, _ client: LegacyClient, _ interval: Duration) {
        let new = required.entries.filter { call.task?.asked.contains($0.key) == false }
        guard !new.isEmpty else { return lookAgain(call, after: interval) }
        for entry in new { call.task?.asked.insert(entry.key) }
        put(new, of: call, client)
    }

    /// The call is over and its task may not be.
    func cancelTask(of call: ModernCall) {
        guard let task = call.task, case .modern(let client, _) = phase else { return }
        lastNumber += 1
        dismissed.append(lastNumber)
        if dismissed.count > 64 { dismissed.removeFirst() }
        // Where it does not take the line nothing more can be done.
        try? inner.send(ModernBoundMessage.cancel(task: task.name, number: lastNumber, client: client))
    }

    /// Whether `number` is that of an answer that nobody waits for.
    func dismisses(_ number: Int) -> Bool {
        guard let place = dismissed.firstIndex(of: number) else { return false }
        dismissed.remove(at: place)
        return true
    }
}
