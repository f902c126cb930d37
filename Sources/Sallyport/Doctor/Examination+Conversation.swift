import HTTP
import JSON

// With a token: what the client does then.
extension Examination {
    /// A session, or the lack of one.
    struct Session {
        let id: String?
        let version: String
        let isModern: Bool
        /// What the server says that it can do.
        let capabilities: JSONNode?
        /// Nil with Streamable HTTP.
        var channel: Channel?

        /// Clients ask for nothing else.
        func announces(_ capability: String) -> Bool { capabilities?[capability]?.isObject == true }
    }

    mutating func converse() async {
        guard let session = await begin() else { return }
        if session.announces("tools") {
            guard let tools = await result("tools/list", [], session) else { return await end(session) }
            judge(tools: tools["tools"]?.elements.map { $0 } ?? [])
        } else {
            report(.noted, "the server announces no tools", "name tools among its capabilities where it has some")
        }
        await examineLists(session)
        if let call {
            let parameters: [JSONValue.Member] = [
                .init("name", .string(call.tool)), .init("arguments", call.arguments),
            ]
            if let result = await result("tools/call", parameters, name: call.tool, session),
                result["isError"]?.boolean == true
            {
                report(.noted, "\(call.tool) says that it failed: \(result["content"]?[0]?["text"]?.string ?? "")")
            }
        }
        if !session.isModern, session.channel == nil { await listen(session) }
        await end(session)
    }

    private mutating func begin() async -> Session? {
        var channel: Channel?
        if usesEvents {
            channel = await openChannel()
            if channel == nil { return nil }
        } else if client.isModern {
            let observation = await prober.observe(authorized(Self.discovery(to: endpoint)))
            let result = observation.answer?.root?["result"]
            let versions = result?["supportedVersions"]?.elements.compactMap(\.string)
            if versions?.contains(Self.modernVersion) == true {
                report(.passed, "\(observation.text), \(Self.modernVersion)")
                return Session(
                    id: nil, version: Self.modernVersion, isModern: true, capabilities: result?["capabilities"])
            }
        }
        let handshake = authorized(Self.handshake(client.version, to: channel?.place ?? endpoint))
        let observation = await prober.send(handshake, over: channel?.stream, awaiting: 0)
        guard let answer = observation.answer else {
            if case .failure(let error) = observation.result { report(failed: error, observation) }
            return nil
        }
        guard let version = answer.root?["result"]?["protocolVersion"]?.string else {
            report(.failed, observation.text, "initialize must be answered by a result")
            return nil
        }
        guard client.versions.contains(version) else {
            report(
                .failed, "\(observation.text), with revision \(version)",
                "it knows \(client.versions.joined(separator: ", ")); agree on one of these")
            return nil
        }
        report(.passed, "\(observation.text), \(version)")
        let session = Session(
            id: channel == nil ? answer.fields["mcp-session-id"] : nil, version: version, isModern: false,
            capabilities: answer.root?["result"]?["capabilities"], channel: channel)
        await announce(session)
        return session
    }

    private mutating func announce(_ session: Session) async {
        let message: JSONValue = ["jsonrpc": "2.0", "method": "notifications/initialized"]
        let observation = await prober.send(within(session, .message(message, to: place(of: session))))
        if let answer = observation.answer, answer.status != 202, session.channel == nil || !answer.isSuccess {
            report(
                answer.isSuccess ? .noted : .failed, "\(observation.text) to notifications/initialized",
                "a notification is answered by 202 without content")
        }
    }

    /// The result of a request; what is none is reported.
    mutating func result(
        _ method: String, _ parameters: [JSONValue.Member], name: String? = nil, _ session: Session,
        isAnswered: (JSONNode) -> Bool = { _ in true }, or verdict: Finding.Verdict = .failed,
        _ remedy: String = "it must be answered by a result"
    ) async -> JSONNode? {
        let probe =
            session.isModern
            ? authorized(Self.modern(1, method, parameters, name: name, to: endpoint))
            : within(session, .message(Self.request(1, method, parameters), to: place(of: session)))
        let observation = await prober.send(probe, over: session.channel?.stream, awaiting: 1)
        switch observation.result {
        case .failure(let error):
            report(failed: error, observation)
        case .success(let answer):
            if let result = answer.root?["result"], isAnswered(result) {
                report(.passed, "\(observation.text) to \(method)")
                return result
            }
            report(verdict, "\(observation.text) to \(method)", remedy)
        }
        return nil
    }

    /// What makes models or clients refuse a tool.
    private mutating func judge(tools: [JSONNode]) {
        if tools.isEmpty { report(.noted, "there are no tools") }
        let names = tools.map { $0["name"]?.string ?? "" }
        let unfit = names.filter { name in
            !(1...64).contains(name.utf8.count) || !name.utf8.allSatisfy(\.isPlainInToolName)
        }
        if !unfit.isEmpty {
            report(
                .warning, "names of tools that some clients leave out: \(unfit.prefix(5).joined(separator: ", "))",
                "use 1 to 64 of A-Z a-z 0-9 _ -")
        }
        if Set(names).count < names.count {
            report(
                .warning, "two tools have the same name", "give each a name of its own: clients keep one or refuse all")
        }
        let shapeless = tools.filter { $0["inputSchema"]?["type"]?.equals("object") != true }.map {
            $0["name"]?.string ?? "?"
        }
        if !shapeless.isEmpty {
            report(
                .failed, "inputSchema of \(shapeless.prefix(5).joined(separator: ", ")) is not of type object",
                "clients refuse the whole list for it")
        }
    }

    /// The stream for what the server has to say, which it may do without.
    private mutating func listen(_ session: Session) async {
        let probe = within(session, Probe(url: endpoint).adding("Accept", "text/event-stream"))
        let observation = await prober.send(probe)
        guard let answer = observation.answer else { return }
        let isStream = answer.fields["content-type"]?.lowercased().hasPrefix("text/event-stream") == true
        if answer.status == 405 || answer.isSuccess && isStream { return report(.passed, observation.text) }
        report(
            .warning, "\(observation.text) for the event stream",
            "answer 405 where there is no stream, or text/event-stream")
    }

    private func end(_ session: Session) async {
        guard !session.isModern, session.id != nil else { return }
        _ = await prober.send(within(session, Probe(method: .delete, url: endpoint)))
    }

    private func place(of session: Session) -> HTTPURL { session.channel?.place ?? endpoint }

    func authorized(_ probe: Probe) -> Probe { page(probe).adding("Authorization", authorization) }

    private func within(_ session: Session, _ probe: Probe) -> Probe {
        authorized(probe).adding("MCP-Protocol-Version", session.version).adding("Mcp-Session-Id", session.id)
    }
}

extension UInt8 {
    /// What every client takes in the name of a tool.
    fileprivate var isPlainInToolName: Bool {
        switch self {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
    }
}
