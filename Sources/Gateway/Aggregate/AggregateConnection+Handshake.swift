import AsyncIO
import JSON
import MCP
import Telemetry

// How it begins: `initialize` goes to all servers at once, and is answered when all have spoken, or with those that have.
extension AggregateConnection {
    /// Takes `initialize` of the client.
    func introduce(_ message: JSONRPCMessage, _ number: Int) {
        guard introduction == nil else {
            return reply(number, JSONRPCError(.invalidRequest, "initialize comes once"))
        }
        introduction = message
        introductionNumber = number
        introductionDeadline = loop.now + plan.configuration.patience
        arm(by: loop.now + plan.configuration.patience)
        for member in members where member.state == .starting { introduce(to: member) }
        answerIntroduction()
    }

    /// Says `initialize` to a server that has just been connected.
    func introduce(to member: AggregateMember) {
        guard let introduction, let id = introduction.exactID else { return }
        let number = member.calls.begin(
            id, progressToken: nil, caller: .init(purpose: .initialize, deadline: member.startDeadline))
        arm(by: member.startDeadline)
        send(
            member.messages.initialize(introduction, number: number, offeredVersion: member.server.offeredVersion),
            to: member)
    }

    /// A server answered `initialize`.
    func introduced(_ member: AggregateMember, _ answer: JSONRPCMessage) {
        guard member.state == .starting else { return }
        guard let result = answer.node["result"], result.isObject else {
            // It does not want to; what it says of that is not for clients.
            return finish(member, .abandoned)
        }
        member.state = .present
        member.isSettled = true
        member.presentSince = loop.now
        member.capabilities = AggregateCapabilities(result["capabilities"])
        member.instructions = result["instructions"]?.string
        member.supervisor.reached()
        member.supervisor.metrics.began()
        plan.note(member.capabilities, of: member.index)
        found(member)
        if isReady { becomeReady(member) }
        if advertised != nil { changed(AggregateList.allCases.filter { member.capabilities.contains($0.capability) }) }
        answerIntroduction()
    }

    /// Answers `initialize`, once all servers have been there or failed, or its time is over.
    func answerIntroduction() {
        guard let number = introductionNumber, let deadline = introductionDeadline, advertised == nil else { return }
        let wanted = members.filter(\.isPermitted)
        guard wanted.allSatisfy(\.isSettled) || deadline <= EventLoop.preciseNow else { return }
        introductionDeadline = nil
        introductionNumber = nil
        guard wanted.contains(where: { $0.state == .present || !$0.isSettled }) else {
            return reply(number, JSONRPCError(.internalError, "None of the servers can be started"))
        }
        var capabilities: AggregateCapabilities = []
        for member in wanted {
            capabilities.formUnion(member.state == .present ? member.capabilities : plan.offers(of: member.index))
        }
        advertised = capabilities
        reply(number, result: introductionText(capabilities, wanted))
    }

    private func introductionText(_ capabilities: AggregateCapabilities, _ wanted: [AggregateMember]) -> [UInt8] {
        let asked = introduction?.params?["protocolVersion"]?.stringBytes
        let version = asked.flatMap { ProtocolVersion(bytes: $0) }.flatMap { $0.era == .legacy ? $0 : nil }
        let sections = wanted.map { member in
            AggregateInstructions.Section(
                server: member.server.name, prefix: plan.names.prefix(of: member.index),
                text: plan.configuration.showsInstructions ? member.instructions : nil,
                isPresent: member.state == .present)
        }
        // Tasks are of that revision.
        let offered = version ?? .november2025
        let capabilities = offered == .november2025 ? capabilities : capabilities.subtracting([.tasks, .taskCancel])
        advertised = capabilities
        let result: JSONValue = [
            "protocolVersion": .string(offered.rawValue),
            "capabilities": capabilities.json,
            "serverInfo": [
                "name": "sallyport", "title": "Sallyport", "version": .string(plan.configuration.version),
            ],
            "instructions": .string(AggregateInstructions.text(sections)),
        ]
        return result.serialized()
    }

    /// The client is ready, or behaves so.
    func becomeReady() {
        guard !isReady else { return }
        isReady = true
        for member in members where member.state == .present { becomeReady(member) }
    }

    /// Tells a server what the client has said to all before it came.
    private func becomeReady(_ member: AggregateMember) {
        send(Array(#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.utf8) + [0x0A], to: member)
        setLevel(of: member)
        for uri in member.subscriptions.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            let text = JSONText.quoted(String(decoding: uri, as: UTF8.self))
            ask(member, "resources/subscribe", Array("{\"uri\":".utf8) + text + [0x7D], for: .nothing)
            // What happened meanwhile nobody knows.
            let exposed = plan.uris.exposed(uri, of: member.index)
            emit(
                Array("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":".utf8)
                    + JSONText.quoted(String(decoding: exposed, as: UTF8.self)) + Array("}}".utf8))
        }
    }

    /// `logging/setLevel` of the client, also for those that come later (mcp.md C11).
    func setLevel(_ message: JSONRPCMessage, _ number: Int) {
        guard let level = LoggingLevel(message.params?["level"]) else {
            return reply(number, JSONRPCError(.invalidParams, "There is no such level"))
        }
        logLevel = JSONText.quoted(level.rawValue)
        minimumLevel = level
        for member in members where member.state == .present { setLevel(of: member) }
        reply(number, result: Array("{}".utf8))
    }

    private func setLevel(of member: AggregateMember) {
        guard let logLevel, member.capabilities.contains(.logging) else { return }
        ask(member, "logging/setLevel", Array("{\"level\":".utf8) + logLevel + [0x7D], for: .nothing)
    }

    // MARK: Absence

    /// A server is not there. Its absence is for everybody to see.
    func missed(_ member: AggregateMember) {
        member.isSettled = true
        guard !member.isMissed, !isStopping else { return }
        member.isMissed = true
        plan.absences[member.index].add(1)
        logger.notice("a server is missing in a session", ["member": .string(member.server.name)])
        say("The server \"\(member.server.name)\" is not available")
    }

    /// It is there, again.
    func found(_ member: AggregateMember) {
        guard member.isMissed else { return }
        member.isMissed = false
        plan.absences[member.index].add(-1)
        say("The server \"\(member.server.name)\" is available again")
    }

    func say(_ text: String) {
        guard isReady, let advertised, advertised.contains(.logging), minimumLevel <= .warning else { return }
        let message: JSONValue = [
            "jsonrpc": "2.0", "method": "notifications/message",
            "params": ["level": "warning", "logger": "sallyport", "data": .string(text)],
        ]
        emit(message.serialized())
    }
}
