import JSON

/// What `demo-server` offers, as its lists say it.
enum DemoCatalog {
    /// The tools, with what the session's revision knows about them.
    static func tools(for session: DemoSession) -> JSONValue {
        .array(
            [
                tool("echo", "Says back what you say.", ["message": string("What to say")], required: ["message"]),
                add(session),
                tool("whoami", "Tells who the gateway says you are.", [:]),
                tool("headers", "Shows what the gateway sent along with this call.", [:]),
                tool("sleep", "Answers after a while.", ["seconds": number("How long")], required: ["seconds"]),
                tool(
                    "progress", "Reports progress step by step.",
                    ["steps": integer("How many reports"), "seconds": number("How long in all")]),
                tool(
                    "log", "Sends a log message to the client.",
                    [
                        "message": string("What to log"),
                        "level": [
                            "type": "string", "enum": .array(DemoSession.levels.map { .string($0) }),
                        ],
                    ], required: ["message"]),
                tool("elicit", "Asks you for your name through the client.", ["message": string("What to ask")]),
                tool("sample", "Asks the client's model.", ["prompt": string("What to ask")]),
                tool("roots", "Lists the roots that the client offers.", [:]),
                tool("replay", "Says again what echo said to you last.", [:]),
                tool("timing", "Tells the server's time, and since when it runs.", [:]),
                tool("environment", "Names the server's variables; values only of those that hold no secret.", [:]),
                tool("health", "Tells that the server is well.", [:]),
                tool("session", "Tells what was agreed on with the client.", [:]),
            ])
    }

    /// The resources.
    static let resources: JSONValue = [
        ["uri": "demo://greeting", "name": "greeting", "description": "A greeting", "mimeType": "text/plain"]
    ]

    /// The resource templates.
    static let templates: JSONValue = [
        [
            "uriTemplate": "demo://items/{id}", "name": "item", "description": "An item by its number",
            "mimeType": "text/plain",
        ]
    ]

    /// The prompts.
    static let prompts: JSONValue = [
        [
            "name": "greet", "description": "Greets somebody",
            "arguments": [["name": "name", "description": "Whom", "required": false]],
        ]
    ]

    private static func add(_ session: DemoSession) -> JSONValue {
        let tool = tool(
            "add", "Adds two numbers.", ["a": number("The one"), "b": number("The other")], required: ["a", "b"])
        guard session.hasStructuredContent, case .object(var members) = tool else { return tool }
        let output: JSONValue = ["type": "object", "properties": ["sum": ["type": "number"]], "required": ["sum"]]
        members.append(.init("outputSchema", output))
        return .object(members)
    }

    private static func tool(
        _ name: String, _ description: String, _ properties: JSONValue, required: [String] = []
    ) -> JSONValue {
        [
            "name": .string(name), "description": .string(description),
            "inputSchema": [
                "type": "object", "properties": properties, "required": .array(required.map { .string($0) }),
            ],
        ]
    }

    private static func string(_ description: String) -> JSONValue {
        ["type": "string", "description": .string(description)]
    }

    private static func number(_ description: String) -> JSONValue {
        ["type": "number", "description": .string(description)]
    }

    private static func integer(_ description: String) -> JSONValue {
        ["type": "integer", "description": .string(description)]
    }
}
