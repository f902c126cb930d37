import JSON
import MCP

// The tasks of modern servers for modern clients (c37): the server's names for them go no further than this, and those that a
// client brings are its own or nobody's (M08).
extension LegacySession {
    /// Refuses what concerns a task and comes from somebody who may not follow it; before the server hears of it.
    func checkTask(_ request: ModernRequest) throws(JSONRPCError) {
        guard request.method.isOfTask else { return }
        guard request.envelope.declaresTasks else { throw .needsTasks }
        guard request.task != nil else { throw .unknownTask }
    }

    /// The client's name, as JSON text, for the task that the server made of its call; nil where it may not make one.
    func sealedTask(in result: JSONNode, of exchange: ModernExchange) -> [UInt8]? {
        guard exchange.method == .toolsCall, exchange.declaresTasks, let own = result["taskId"]?.string else {
            return nil
        }
        let name = surroundings.tasks.seal(TaskHandle(session: id, task: own), for: principal, at: server.name)
        return name.map { JSONText.quoted($0) }
    }

    /// The tasks that a listen names, with its client's names by the server's; those that it does not know count as not named.
    func listenedTasks(_ request: ModernRequest) throws(JSONRPCError) -> [[UInt8]: [UInt8]]? {
        guard let asked = try TaskMessage.listened(request.message) else { return nil }
        guard request.envelope.declaresTasks else { throw .needsTasks }
        var names: [[UInt8]: [UInt8]] = [:]
        for text in asked {
            guard let handle = surroundings.tasks.open(text, for: request.principal, at: server.name) else { continue }
            names[Array(handle.task.utf8)] = JSONText.quoted(String(decoding: text, as: UTF8.self))
        }
        return names
    }
}
