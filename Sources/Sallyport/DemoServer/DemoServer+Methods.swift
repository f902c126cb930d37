import JSON

extension DemoServer {
    /// Everything but tool calls.
    func respond(to method: JSONNode, _ params: JSONNode?, id: [UInt8]) {
        switch method.string ?? "" {
        case "initialize": initialize(params, id: id)
        case "ping": send(result: Array("{}".utf8), id: id)
        case "tools/list": send(result: ["tools": DemoCatalog.tools(for: session)], id: id)
        case "resources/list": send(result: ["resources": DemoCatalog.resources], id: id)
        case "resources/templates/list": send(result: ["resourceTemplates": DemoCatalog.templates], id: id)
        case "resources/read": readResource(params, id: id)
        case "prompts/list": send(result: ["prompts": DemoCatalog.prompts], id: id)
        case "prompts/get": getPrompt(params, id: id)
        case "completion/complete": complete(params, id: id)
        case "logging/setLevel": setLevel(params, id: id)
        default: send(error: -32601, "Method not found", id: id)
        }
    }

    static let capabilities: JSONValue = [
        "tools": [:], "resources": [:], "prompts": [:], "logging": [:], "completions": [:],
    ]
    static let information: JSONValue = ["name": "sallyport-demo", "version": .string(Version.text)]
    static let instructions =
        "A server for trying things out. Call whoami to see who the gateway says you are."

    private func send(result: JSONValue, id: [UInt8]) {
        send(result: result.serialized(), id: id)
    }

    private func initialize(_ params: JSONNode?, id: [UInt8]) {
        let asked = params?["protocolVersion"]?.string ?? ""
        session = DemoSession()
        if DemoSession.versions.contains(asked) { session.protocolVersion = asked }
        let capabilities = params?["capabilities"]
        session.canElicit = capabilities?["elicitation"] != nil
        session.canSample = capabilities?["sampling"] != nil
        session.hasRoots = capabilities?["roots"] != nil
        session.client = params?["clientInfo"].map { JSONValue($0) }
        send(
            result: [
                "protocolVersion": .string(session.protocolVersion),
                "capabilities": Self.capabilities, "serverInfo": Self.information,
                "instructions": .string(Self.instructions),
            ], id: id)
    }

    private func readResource(_ params: JSONNode?, id: [UInt8]) {
        let uri = params?["uri"]?.string ?? ""
        let text: String
        if uri == "demo://greeting" {
            text = "Hello from behind the gateway."
        } else if uri.hasPrefix("demo://items/"), uri.utf8.count > "demo://items/".utf8.count {
            text = "Item \(uri.dropFirst("demo://items/".count))"
        } else {
            guard modern == nil else {
                return send(error: -32602, "Resource not found", id: id, data: ["uri": .string(uri)])
            }
            return send(error: -32002, "Resource not found", id: id)
        }
        send(
            result: ["contents": [["uri": .string(uri), "mimeType": "text/plain", "text": .string(text)]]], id: id)
    }

    private func getPrompt(_ params: JSONNode?, id: [UInt8]) {
        guard params?["name"]?.equals("greet") == true else {
            return send(error: -32602, "Unknown prompt", id: id)
        }
        let name = params?["arguments"]?["name"]?.string ?? "you"
        send(
            result: [
                "description": "A greeting",
                "messages": [
                    ["role": "user", "content": ["type": "text", "text": .string("Please greet \(name).")]]
                ],
            ], id: id)
    }

    private func complete(_ params: JSONNode?, id: [UInt8]) {
        let typed = params?["argument"]?["value"]?.string ?? ""
        let words =
            params?["argument"]?["name"]?.equals("id") == true ? ["1", "2", "3"] : ["Ada", "Alan", "Barbara", "Grace"]
        let matches = words.filter { $0.lowercased().hasPrefix(typed.lowercased()) }
        send(
            result: [
                "completion": [
                    "values": .array(matches.map { .string($0) }), "total": .integer(Int64(matches.count)),
                    "hasMore": false,
                ]
            ], id: id)
    }

    private func setLevel(_ params: JSONNode?, id: [UInt8]) {
        guard let level = params?["level"]?.string, let index = DemoSession.levels.firstIndex(of: level) else {
            return send(error: -32602, "Unknown level", id: id)
        }
        session.minimumLevel = index
        send(result: [:], id: id)
    }
}
