import JSON

/// `sallyport list URL`: what a remote server offers.
enum ListCommand {
    static let syntax = CommandSyntax(
        options: RemoteCommand.options,
        flags: RemoteServer.flags + ["--json", "--resources", "--templates", "--prompts"], words: ["URL"])

    /// A server whose pages never end is cut off here.
    private static let maximumPages = 1000

    /// One kind of thing that can be listed.
    private struct Kind: Sendable {
        let method: String
        let member: String
        /// What names an entry.
        let name: String
    }

    static func run(_ arguments: ParsedArguments, environment: [String: String]) throws(CommandFailure) -> ExitCode {
        let kind = kind(arguments)
        let asJSON = arguments.has("--json")
        return try RemoteCommand.run(arguments, environment) { (conversation) async throws(RemoteFailure) in
            let entries = try await entries(kind, conversation)
            if asJSON {
                let list = entries.map { String(decoding: JSONText.compacted($0), as: UTF8.self) }
                Console.say("[\(list.joined(separator: ","))]")
            } else {
                for entry in entries { Console.relay(line(entry, kind)) }
            }
            return .success
        }
    }

    private static func kind(_ arguments: ParsedArguments) -> Kind {
        if arguments.has("--resources") { return Kind(method: "resources/list", member: "resources", name: "uri") }
        if arguments.has("--prompts") { return Kind(method: "prompts/list", member: "prompts", name: "name") }
        if arguments.has("--templates") {
            return Kind(method: "resources/templates/list", member: "resourceTemplates", name: "uriTemplate")
        }
        return Kind(method: "tools/list", member: "tools", name: "name")
    }

    private static func entries(
        _ kind: Kind, _ conversation: RemoteConversation
    ) async throws(RemoteFailure) -> [JSONNode] {
        var entries: [JSONNode] = []
        var cursor: JSONValue?
        for _ in 0..<maximumPages {
            let result = try await conversation.result(kind.method, cursor.map { [.init("cursor", $0)] } ?? [])
            entries += result[kind.member]?.elements.map { $0 } ?? []
            // An empty cursor is a cursor (c31).
            guard let next = result["nextCursor"]?.string else { return entries }
            cursor = .string(next)
        }
        throw RemoteFailure("the list has more than \(maximumPages) pages")
    }

    /// The name, and what the first line of the description says.
    private static func line(_ entry: JSONNode, _ kind: Kind) -> String {
        let name = entry[kind.name]?.string ?? "?"
        let words = entry["description"]?.string ?? entry["title"]?.string ?? ""
        let first = words.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
        return first.isEmpty ? name : "\(name)\t\(first)"
    }
}
