import AsyncIO
import JSON
import MCP
import Telemetry

/// `sallyport call URL TOOL [JSON]`: one tool call from the shell.
enum CallCommand {
    static let syntax = CommandSyntax(
        options: RemoteCommand.options, flags: RemoteServer.flags + ["--json"], words: ["URL", "TOOL", "JSON"],
        wordsAreOptional: true)

    /// What the shell is told when the tool says that it failed.
    static let toolFailed = ExitCode.dataError

    static func run(_ arguments: ParsedArguments, environment: [String: String]) throws(CommandFailure) -> ExitCode {
        guard arguments.words.count >= 2 else {
            throw CommandFailure(
                code: .usage, message: arguments.words.isEmpty ? "URL is missing" : "TOOL is missing",
                hint: "sallyport call http://localhost:8080/demo/mcp echo '{\"message\": \"hello\"}'")
        }
        let tool = arguments.words[1]
        let values = try toolArguments(arguments.words.count > 2 ? arguments.words[2] : "{}")
        return try RemoteCommand.run(arguments, environment) { (conversation) async throws(RemoteFailure) in
            let result = try await conversation.result(
                "tools/call", [.init("name", .string(tool)), .init("arguments", values)])
            return report(result, asJSON: arguments.has("--json"))
        }
    }

    /// The arguments of a tool from the command line.
    static func toolArguments(_ text: String) throws(CommandFailure) -> JSONValue {
        let hint = "like '{\"message\": \"hello\"}', in single quotes"
        do throws(JSONSyntaxError) {
            let root = try JSONDocument(parsing: Array(text.utf8)).root
            if root.isObject { return JSONValue(root) }
        } catch {
            throw CommandFailure(code: .usage, message: "the arguments are \(error.description)", hint: hint)
        }
        throw CommandFailure(code: .usage, message: "the arguments must be a JSON object", hint: hint)
    }

    private static func report(_ result: JSONNode, asJSON: Bool) -> ExitCode {
        if asJSON {
            Console.say(String(decoding: JSONText.compacted(result), as: UTF8.self))
        } else if result["resultType"]?.equals("input_required") == true {
            Console.complain("sallyport: the tool asks for more input, which a shell command cannot give")
            return .unavailable
        } else {
            for item in result["content"]?.elements.map({ $0 }) ?? [] { Console.relay(text(of: item)) }
        }
        return result["isError"]?.boolean == true ? toolFailed : .success
    }

    /// An item of content as a person reads it.
    private static func text(of item: JSONNode) -> String {
        if let text = item["text"]?.string { return text }
        if let text = item["resource"]?["text"]?.string { return text }
        if let uri = item["uri"]?.string { return uri }
        let type = item["type"]?.string ?? "content"
        let kind = item["mimeType"]?.string ?? item["resource"]?["mimeType"]?.string
        return "[\(type)\(kind.map { " \($0)" } ?? ""): --json shows it]"
    }
}

/// What `call` and `list` share: a conversation from beginning to end.
enum RemoteCommand {
    /// Beside those of ``RemoteServer``.
    static let options = RemoteServer.options + ["--timeout"]

    /// How long an answer may take.
    static func patience(
        _ arguments: ParsedArguments, standard: Duration = .seconds(60)
    ) throws(CommandFailure) -> Duration {
        guard let text = arguments["--timeout"] else { return standard }
        guard let duration = Units.duration(text) else {
            throw CommandFailure(code: .usage, message: "--timeout \(text) is no duration", hint: "like 90s or 5m")
        }
        return duration
    }

    static func run(
        _ arguments: ParsedArguments, _ environment: [String: String],
        _ body: @escaping @Sendable (RemoteConversation) async throws(RemoteFailure) -> ExitCode
    ) throws(CommandFailure) -> ExitCode {
        let server = try RemoteServer(arguments, environment: environment)
        let patience = try patience(arguments)
        let loop = EventLoop(name: "remote")
        defer {
            LogSink.standard.flush()
            loop.shutdown()
        }
        return try Lifecycle.run(on: loop) { () async throws(CommandFailure) in
            let conversation = RemoteConversation(server, patience: patience, on: loop)
            do throws(RemoteFailure) {
                try await conversation.open()
                let code = try await body(conversation)
                await conversation.close()
                return code
            } catch {
                await conversation.close()
                // Most of it may be the server's own words.
                throw CommandFailure(code: .unavailable, message: LogText.readable(error.description))
            }
        }
    }
}
