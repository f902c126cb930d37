import AsyncIO
import JSON
import MCP
import Telemetry

// Tasks of the servers (2025-11-25). Who has one is in its name (mcp.md C14).
extension AggregateConnection {
    /// Names that are remembered, so that what a server says of a task by itself finds its client.
    private static let maximumNames = 1024

    /// A request that names a task; nothing else is known of tasks here.
    func useTask(_ message: JSONRPCMessage, _ number: Int) {
        guard !RelayedMessage.hasEnvelope(message) else { return relayTask(message, number) }
        let isResult = message.isMethod("tasks/result")
        let needed: AggregateCapabilities = message.isMethod("tasks/cancel") ? .taskCancel : .tasks
        guard isResult || message.isMethod("tasks/get") || message.isMethod("tasks/cancel"),
            advertised?.contains(needed) == true
        else { return reply(number, .unknownMethod) }
        guard let place = message.params?["taskId"], let text = place.stringBytes,
            let opened = plan.tasks.open(text, for: AggregatePlan.holder(principal)),
            let member = member(named: opened.server), member.isPermitted
        else { return reply(number, JSONRPCError(.invalidParams, "Unknown task")) }
        let task = AggregateMember.Task(own: opened.own, exposed: Array(place.bytes), isResult: isResult)
        note(task.exposed, of: task.own, at: member)
        forward(message, number, to: member, .task(opened.own), .task(task))
    }

    /// The same of the modern era: what it may be is for the session to say.
    private func relayTask(_ message: JSONRPCMessage, _ number: Int) {
        guard let place = message.params?["taskId"], let text = place.stringBytes,
            let opened = plan.tasks.open(text, for: AggregatePlan.holder(principal)),
            let member = member(named: opened.server), member.isPermitted
        else { return reply(number, .unknownTask) }
        guard !member.isPresent || member.connection?.modernLeg?.hasTasks == true else {
            return reply(number, .unknownTask)
        }
        let task = AggregateMember.Task(own: opened.own, exposed: Array(place.bytes), isResult: false)
        forward(message, number, to: member, .task(opened.own), .task(task))
    }

    /// JSON text of what clients call a task; nil where it cannot be made.
    func taskName(_ own: [UInt8], of member: AggregateMember) -> [UInt8]? {
        if let known = member.tasks[own] { return known }
        guard let sealed = try? plan.tasks.seal(own, of: member.server.name, for: AggregatePlan.holder(principal))
        else { return nil }  // Without randomness nothing that comes back could be trusted.
        let text = JSONText.quoted(sealed)
        note(text, of: own, at: member)
        return text
    }

    private func note(_ exposed: [UInt8], of own: [UInt8], at member: AggregateMember) {
        guard member.tasks[own] == nil else { return }
        if member.tasks.count >= Self.maximumNames, let any = member.tasks.keys.first { member.tasks[any] = nil }
        member.tasks[own] = exposed
    }

    /// What a server says of a task by itself goes to whoever knows the task.
    func taskNoticed(_ message: JSONRPCMessage, _ member: AggregateMember) {
        guard let own = message.params?["taskId"]?.stringBytes, let name = member.tasks[own] else {
            return member.supervisor.metrics.discardedLines.increment()
        }
        emit(member.messages.taskStatus(message, task: name))
    }
}
