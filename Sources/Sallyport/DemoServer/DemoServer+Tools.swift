import AsyncIO
import JSON

extension DemoServer {
    /// `tools/call`; `echo` first, because it is the one that is measured.
    func callTool(_ params: JSONNode?, id: [UInt8]) {
        guard let name = params?["name"] else { return send(error: -32602, "The tool's name is missing", id: id) }
        let arguments = params?["arguments"]
        calls &+= 1
        if name.equals("echo") {
            guard let message = arguments?["message"], message.kind == .string else { return missing("message", id) }
            lastEcho = params
            return send(quotedText: message.bytes, id: id)
        }
        switch name.string ?? "" {
        case "add": add(arguments, id: id)
        case "whoami": whoAmI(params?["_meta"], id: id)
        case "headers": send(text: headersText(params?["_meta"]), id: id)
        case "sleep": sleep(arguments, id: id)
        case "progress": progress(arguments, token: params?["_meta"]?["progressToken"], id: id)
        case "log": log(arguments, id: id)
        case "elicit": elicit(arguments, id: id)
        case "sample": sample(arguments, id: id)
        case "roots": roots(id: id)
        case let other where diagnose(other, params, id: id): break
        default: send(error: -32602, "Unknown tool", id: id)
        }
    }

    private func missing(_ name: String, _ id: [UInt8]) {
        send(text: "the argument \"\(name)\" is missing or of the wrong type", isError: true, id: id)
    }

    private func add(_ arguments: JSONNode?, id: [UInt8]) {
        guard let a = arguments?["a"]?.number else { return missing("a", id) }
        guard let b = arguments?["b"]?.number else { return missing("b", id) }
        let sum = Self.text(of: a + b)
        var result: [UInt8] = Array("{\"content\":[{\"type\":\"text\",\"text\":\"\(sum)\"}],\"isError\":false".utf8)
        if session.hasStructuredContent { result += Array(",\"structuredContent\":{\"sum\":\(sum)}".utf8) }
        result.append(UInt8(ascii: "}"))
        send(result: result, id: id)
    }

    /// A number as JSON writes it: whole when it is whole.
    private static func text(of number: Double) -> String {
        guard number.isFinite else { return "0" }
        return Int64(exactly: number).map(String.init) ?? "\(number)"
    }

    /// The identity that the gateway passed: in `_meta`, and in the environment for a process of one user.
    private func whoAmI(_ meta: JSONNode?, id: [UInt8]) {
        var members: [JSONValue.Member] = []
        if let meta, meta.isObject {
            for member in meta.members {
                guard let key = member.key.string, key.contains("sallyport/") else { continue }
                members.append(.init(key, JSONValue(member.value)))
            }
        }
        for (name, value) in Environment.all.sorted(by: { $0.key < $1.key })
        where name.hasPrefix("SALLYPORT_USER_") {
            members.append(.init(name, .string(value)))
        }
        let text = members.isEmpty ? "nobody: no gateway passed an identity" : Self.text(of: .object(members))
        send(text: text, id: id)
    }

    private func headersText(_ meta: JSONNode?) -> String {
        "HTTP headers do not reach a stdio server; what came with this call is _meta: "
            + (meta.map { String(decoding: $0.bytes, as: UTF8.self) } ?? "{}")
    }

    private func sleep(_ arguments: JSONNode?, id: [UInt8]) {
        guard let seconds = arguments?["seconds"]?.number, seconds >= 0, seconds <= 3600 else {
            return missing("seconds", id)
        }
        after(.milliseconds(Int64(seconds * 1000)), for: id) { [unowned self] in
            send(text: "slept \(Self.text(of: seconds)) s", id: id)
        }
    }

    private func progress(_ arguments: JSONNode?, token: JSONNode?, id: [UInt8]) {
        let steps = min(max(arguments?["steps"]?.integer ?? 3, 1), 1000)
        let seconds = min(max(arguments?["seconds"]?.number ?? 0.3, 0), 3600)
        let pause = Duration.milliseconds(Int64(seconds * 1000) / steps)
        report(step: 1, of: steps, pause: pause, token: token.map { JSONValue($0) }, id: id)
    }

    private func report(step: Int64, of steps: Int64, pause: Duration, token: JSONValue?, id: [UInt8]) {
        after(pause, for: id) { [unowned self] in
            if let token {
                var members: [JSONValue.Member] = [
                    .init("progressToken", token), .init("progress", .integer(step)), .init("total", .integer(steps)),
                ]
                if session.protocolVersion >= "2025-03-26" {
                    members.append(.init("message", .string("step \(step) of \(steps)")))
                }
                notify("notifications/progress", .object(members))
            }
            guard step < steps else { return send(text: "done after \(steps) steps", id: id) }
            report(step: step + 1, of: steps, pause: pause, token: token, id: id)
        }
    }

    private func log(_ arguments: JSONNode?, id: [UInt8]) {
        guard let message = arguments?["message"]?.string else { return missing("message", id) }
        let level = arguments?["level"]?.string ?? "info"
        guard let severity = DemoSession.levels.firstIndex(of: level) else { return missing("level", id) }
        if severity >= session.minimumLevel {
            notify(
                "notifications/message", ["level": .string(level), "logger": "demo", "data": .string(message)])
        }
        send(text: "logged", id: id)
    }
}

// MARK: - Tools that ask the client

extension DemoServer {
    private func elicit(_ arguments: JSONNode?, id: [UInt8]) {
        guard session.canElicit else { return unsupported("elicitation", id) }
        let message = arguments?["message"]?.string ?? "What is your name?"
        let schema: JSONValue = [
            "type": "object",
            "properties": ["name": ["type": "string", "title": "Name", "description": "How to greet you"]],
            "required": ["name"],
        ]
        ask("elicitation/create", ["message": .string(message), "requestedSchema": schema], for: id) {
            [unowned self] answer in
            guard let result = answer["result"] else { return failed("elicitation", answer, id) }
            let action = result["action"]?.string ?? "cancel"
            let content = result["content"].map { ": " + String(decoding: $0.bytes, as: UTF8.self) } ?? ""
            send(text: action + content, id: id)
        }
    }

    private func sample(_ arguments: JSONNode?, id: [UInt8]) {
        guard session.canSample else { return unsupported("sampling", id) }
        let prompt = arguments?["prompt"]?.string ?? "Say something kind."
        let message: JSONValue = ["role": "user", "content": ["type": "text", "text": .string(prompt)]]
        ask("sampling/createMessage", ["messages": [message], "maxTokens": 100], for: id) { [unowned self] answer in
            guard let content = answer["result"]?["content"] else { return failed("sampling", answer, id) }
            // 2025-11-25 also allows a list of content blocks.
            let block = content.isArray ? content[0] : content
            send(text: block?["text"]?.string ?? String(decoding: content.bytes, as: UTF8.self), id: id)
        }
    }

    private func roots(id: [UInt8]) {
        guard session.hasRoots else { return unsupported("roots", id) }
        ask("roots/list", [:], for: id) { [unowned self] answer in
            guard let roots = answer["result"]?["roots"], roots.isArray else { return failed("roots", answer, id) }
            let uris = roots.elements.compactMap { $0["uri"]?.string }
            send(text: uris.isEmpty ? "no roots" : uris.joined(separator: "\n"), id: id)
        }
    }

    private func unsupported(_ capability: String, _ id: [UInt8]) {
        guard modern == nil else { return refuseModern(capability, id: id) }
        send(text: "this client did not declare the capability \(capability)", isError: true, id: id)
    }

    private func failed(_ what: String, _ answer: JSONNode, _ id: [UInt8]) {
        let reason = answer["error"]?["message"]?.string ?? "the client sent no usable result"
        send(text: "\(what) failed: \(reason)", isError: true, id: id)
    }

    private static func text(of value: JSONValue) -> String {
        String(decoding: value.serialized(), as: UTF8.self)
    }
}
