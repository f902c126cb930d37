import AsyncIO
import JSON
import MCP
import OAuth

// What the session sends.
extension AggregateConnection {
    /// Takes one line.
    func take(_ line: [UInt8]) {
        // Without its end, so that what is made of it is one line, too.
        let text = line.last == 0x0A ? Array(line.dropLast()) : line
        guard let document = try? JSONDocument(parsing: text), let message = try? JSONRPCMessage(document.root) else {
            // Of the session's own making; never seen.
            return
        }
        switch message.kind {
        case .request:
            guard let number = message.id?.integer.flatMap({ Int(exactly: $0) }) else { return }
            var route = Route(method: MCPMethod(message.method))
            if let announced, announced.number == number { route.request = announced.request }
            announced = nil
            routes[number] = route
            dispatch(message, number, mayWait: true)
        case .notification: pass(message)
        case .response: answer(message)
        }
    }

    /// Answers a request or sends it on. `mayWait` is false where everything there is to know is known.
    func dispatch(_ message: JSONRPCMessage, _ number: Int, mayWait: Bool) {
        let method = MCPMethod(message.method)
        if method == .initialize { return introduce(message, number) }
        if method == .ping { return reply(number, result: Array("{}".utf8)) }
        becomeReady()
        if message.method?.stringBytes?.starts(with: "tasks/".utf8) == true { return useTask(message, number) }
        if method == .subscriptionsListen, RelayedMessage.hasEnvelope(message) {
            return listenForTasks(message, number)
        }
        guard let needed = Self.capability(of: method), advertised?.contains(needed) == true else {
            return reply(number, .unknownMethod)
        }
        switch method {
        case .toolsList, .promptsList, .resourcesList, .resourcesTemplatesList:
            if let list = AggregateList(method) { self.list(list, message, number, mayWait: mayWait) }
        case .toolsCall: call(.tools, message, number, mayWait: mayWait)
        case .promptsGet: call(.prompts, message, number, mayWait: mayWait)
        case .resourcesRead, .resourcesSubscribe, .resourcesUnsubscribe:
            useResource(message, number, method, mayWait: mayWait)
        case .completionComplete: complete(message, number, mayWait: mayWait)
        case .loggingSetLevel: setLevel(message, number)
        default: reply(number, .unknownMethod)
        }
    }

    /// What must be offered for a method; nil for those that nobody offers.
    private static func capability(of method: MCPMethod) -> AggregateCapabilities? {
        switch method {
        case .toolsCall, .toolsList: .tools
        case .promptsGet, .promptsList: .prompts
        case .resourcesRead, .resourcesList, .resourcesTemplatesList: .resources
        case .resourcesSubscribe, .resourcesUnsubscribe: .subscribe
        case .completionComplete: .completions
        case .loggingSetLevel: .logging
        default: nil
        }
    }

    // MARK: Requests for one server

    private func call(_ list: AggregateList, _ message: JSONRPCMessage, _ number: Int, mayWait: Bool) {
        guard let name = message.params?["name"]?.stringBytes else {
            return reply(number, JSONRPCError(.invalidParams, "\"name\" must be a string"))
        }
        guard let target = target(name, list) else {
            if mayWait, wait(for: [list], message, number) { return }
            return reply(number, unknown(name, of: list))
        }
        if list == .tools { routes[number]?.tool = target.own }
        if let refusal = refusal(of: target, list) { return refuse(number, refusal, target) }
        forward(message, number, to: members[target.server], .name(target.own), .request(MCPMethod(message.method)))
    }

    private func useResource(_ message: JSONRPCMessage, _ number: Int, _ method: MCPMethod, mayWait: Bool) {
        guard let uri = message.params?["uri"]?.stringBytes else {
            return reply(number, JSONRPCError(.invalidParams, "\"uri\" must be a string"))
        }
        guard let target = resource(uri) else {
            if mayWait, ExposedURIs.isView(uri), wait(for: [.tools, .resources], message, number) { return }
            let data: JSONValue = ["uri": .string(String(decoding: uri, as: UTF8.self))]
            return reply(number, JSONRPCError(.invalidParams, "Resource not found", data: data))
        }
        if let refusal = refusal(of: target, .resources) { return refuse(number, refusal, target) }
        let member = members[target.server]
        guard method != .resourcesRead else {
            return forward(message, number, to: member, .uri(target.own), .request(method))
        }
        guard !member.isPresent || member.capabilities.contains(.subscribe) else {
            return reply(number, JSONRPCError(.invalidParams, "This resource cannot be subscribed to"))
        }
        let begins = method == .resourcesSubscribe
        guard !begins || member.subscriptions.count < AggregateMember.maximumSubscriptions else {
            return reply(number, JSONRPCError(.limitReached, "Too many subscriptions"))
        }
        forward(message, number, to: member, .uri(target.own), .subscription(target.own, begins: begins))
    }

    private func complete(_ message: JSONRPCMessage, _ number: Int, mayWait: Bool) {
        let reference = message.params?["ref"]
        if let uri = reference?["uri"]?.stringBytes {
            guard let target = resource(uri) else {
                return reply(number, JSONRPCError(.invalidParams, "Resource not found"))
            }
            return complete(message, number, target, .resourceReference(target.own))
        }
        guard let name = reference?["name"]?.stringBytes else {
            return reply(number, JSONRPCError(.invalidParams, "\"ref\" must name a prompt or a resource"))
        }
        guard let target = target(name, .prompts) else {
            if mayWait, wait(for: [.prompts], message, number) { return }
            return reply(number, unknown(name, of: .prompts))
        }
        complete(message, number, target, .promptReference(target.own))
    }

    private func complete(
        _ message: JSONRPCMessage, _ number: Int, _ target: Target, _ rewritten: AggregateMessages.Target
    ) {
        let list: AggregateList = if case .promptReference = rewritten { .prompts } else { .resources }
        if let refusal = refusal(of: target, list) { return refuse(number, refusal, target) }
        let member = members[target.server]
        guard !member.isPresent || member.capabilities.contains(.completions) else {
            // Others of these servers complete, this one knows nothing.
            return reply(number, result: Array(#"{"completion":{"values":[]}}"#.utf8))
        }
        forward(message, number, to: member, rewritten, .request(.completionComplete))
    }

    /// Sends a request to its server.
    func forward(
        _ message: JSONRPCMessage, _ number: Int, to member: AggregateMember, _ target: AggregateMessages.Target,
        _ purpose: AggregateMember.Purpose
    ) {
        routes[number]?.server = member.index
        guard member.isPresent, let connection = member.connection else { return reply(number, absent(member)) }
        let deadline = loop.now + member.server.callTimeout
        let inner = member.calls.begin(
            JSONRPCID(number: number), progressToken: message.progressToken.flatMap { JSONRPCID($0) }?.text,
            caller: .init(purpose: purpose, deadline: deadline))
        routes[number]?.number = inner
        let keepsEnvelope = connection.modernLeg != nil && RelayedMessage.hasEnvelope(message)
        routes[number]?.isRelayed = keepsEnvelope && purpose.isPassedOn
        arm(by: deadline)
        do throws(IOError) {
            let line = member.messages.request(
                message, number: inner, target: target, keepsEnvelope: keepsEnvelope)
            if let request = routes[number]?.request { connection.announce(inner, for: request) }
            if try connection.enqueue(line) { member.isDirty = true }
            // What is sent outside of the session's turn nobody else flushes.
            if !isTaking { flushMembers() }
        } catch {
            guard error == .overloaded else { return inputClosed(member) }
            _ = member.calls.finish(inner)
            reply(number, JSONRPCError(.limitReached, "The server \"\(member.server.name)\" does not keep up"))
        }
    }

    func absent(_ member: AggregateMember) -> JSONRPCError {
        JSONRPCError(.internalError, "The server \"\(member.server.name)\" is not available")
    }

    /// For a name that nobody has. Where it seems to be of a server that is not there, that is said; denied and unknown look alike.
    private func unknown(_ name: [UInt8], of list: AggregateList) -> JSONRPCError {
        if let suspect = plan.names.suspect(name).map({ members[$0] }), suspect.isPermitted,
            !suspect.isPresent || suspect.lists[list]?.isMissing == true
        {
            return absent(suspect)
        }
        return JSONRPCError(.invalidParams, list == .tools ? "Unknown tool" : "Unknown prompt")
    }

    // MARK: Notifications and answers

    private func pass(_ message: JSONRPCMessage) {
        if message.isMethod("notifications/initialized") { return becomeReady() }
        if message.isMethod("notifications/cancelled") { return cancel(message) }
        if message.isMethod("notifications/roots/list_changed") {
            for member in members where member.state == .present {
                send(Array(message.node.bytes) + [0x0A], to: member)
            }
        }
        if message.isMethod("notifications/progress") { return report(message) }
        // Others have no server to go to.
    }

    /// To the owner alone (mcp.md C11).
    private func cancel(_ message: JSONRPCMessage) {
        guard let number = message.params?["requestId"]?.integer.flatMap({ Int(exactly: $0) }),
            let route = routes[number]
        else { return }
        waiting.removeAll { $0.number == number }
        let wasListening = cancelsTaskListen(number)
        // The session asks where it went once more.
        loop.execute { [weak self] in self?.assumeIsolated { $0.routes[number] = nil } }
        guard !wasListening, let server = route.server, let inner = route.number,
            members[server].calls.finish(inner) != nil
        else {
            return
        }
        send(ServerBoundMessage.cancellation(message, number: inner), to: members[server])
    }

    /// Progress of the client with a question.
    private func report(_ message: JSONRPCMessage) {
        guard let number = message.params?["progressToken"]?.integer.flatMap({ Int(exactly: $0) }),
            let asked = asked[number], let token = asked.progressToken
        else { return }
        send(ClientBoundMessage.progress(message, token: token) + [0x0A], to: members[asked.server])
    }

    /// An answer of the client.
    private func answer(_ message: JSONRPCMessage) {
        guard let number = message.id?.integer.flatMap({ Int(exactly: $0) }),
            let asked = asked.removeValue(forKey: number)
        else { return }
        let member = members[asked.server]
        guard member.generation == asked.generation, member.state == .present else { return }
        closeQuestion(of: member)
        send(ServerBoundMessage.response(message, id: asked.id), to: member)
    }

    // MARK: Lines

    /// Hands what was enqueued to the servers.
    func flushMembers() {
        hasUnflushed = false
        for member in members where member.isDirty {
            member.isDirty = false
            do throws(IOError) {
                try member.connection?.flush()
            } catch {
                if error != .overloaded { inputClosed(member) }
            }
        }
    }

    func send(_ line: [UInt8], to member: AggregateMember) {
        do throws(IOError) {
            try member.connection?.send(line)
        } catch {
            // A server that does not keep up misses it; one that takes nothing any more is about to end.
            if error != .overloaded { inputClosed(member) }
        }
    }

    /// Asks a server in our own name.
    func ask(
        _ member: AggregateMember, _ method: String, _ params: [UInt8], for purpose: AggregateMember.Purpose
    ) {
        let deadline = loop.now + member.server.callTimeout
        let number = member.calls.begin(
            JSONRPCID(number: 0), progressToken: nil, caller: .init(purpose: purpose, deadline: deadline))
        arm(by: deadline)
        var line = Array("{\"jsonrpc\":\"2.0\",\"id\":".utf8) + DecimalText.bytes(number)
        line += Array(",\"method\":\"\(method)\",\"params\":".utf8) + params + [0x7D, 0x0A]
        send(line, to: member)
    }

    /// The session is used with a token that may allow more or less.
    func admit(_ principal: Principal) {
        guard principal !== self.principal else { return }
        let rights = plan.policy?.rights(of: principal)
        let isSame = principal.scope == self.principal.scope && rights == self.rights
        if rights != self.rights {
            assembled = [:]
            changed(AggregateList.allCases)
        }
        self.principal = principal
        self.rights = rights
        guard !isSame else { return }
        for member in members {
            let isPermitted = plan.permits(member.index, principal, rights)
            guard isPermitted != member.isPermitted else { continue }
            member.isPermitted = isPermitted
            assembled = [:]
            if isPermitted, member.state == .absent, member.retryAt == nil { connect(member) }
            changed(AggregateList.allCases)
        }
    }
}
