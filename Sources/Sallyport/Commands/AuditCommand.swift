import AsyncIO
import AuthorizationServer
import JSON
import OAuth
import Storage
import Telemetry

/// `sallyport audit`: who got which token when, and everything else that the audit trail holds; and whether the trail is
/// whole.
enum AuditCommand {
    static let syntax = CommandSyntax(
        options: [
            "--config", "--data-dir", "--user", "--client", "--server", "--tool", "--action", "--outcome", "--since",
            "--until", "--limit", "--format", "--seal",
        ],
        flags: ["--json", "--tokens", "--follow", "--replace"], words: ["SUBCOMMAND", "FILE"], wordsAreOptional: true)

    // Which options only some of them understand.
    private static let belonging: [String: Set<String>] = [
        "--follow": ["tail"], "--limit": ["query", "tail"], "--format": ["export"], "--replace": ["export"],
        "--seal": ["verify"], "--json": ["query", "tail", "verify"], "--tokens": ["query", "tail", "export"],
        "--user": ["query", "tail", "export"], "--client": ["query", "tail", "export"],
        "--server": ["query", "tail", "export"], "--tool": ["query", "tail", "export"],
        "--outcome": ["query", "tail", "export"], "--action": ["query", "tail", "export"],
        "--since": ["query", "tail", "export"],
        "--until": ["query", "tail", "export"],
    ]

    private static let defaultLimit = 1000
    private static let tailLength = 20
    private static let followInterval = Duration.milliseconds(250)

    /// Does what the words say.
    static func run(_ arguments: ParsedArguments, environment: [String: String]) throws(CommandFailure) -> ExitCode {
        let known = ["query", "tail", "export", "verify"]
        guard let word = arguments.words.first, known.contains(word) else {
            throw arguments.misuse(of: "audit", known: known)
        }
        try check(arguments, of: word)
        switch word {
        case "verify": return try AuditVerification.run(arguments, environment: environment)
        case "export": return try export(arguments, environment: environment)
        default: return try show(arguments, isTail: word == "tail", environment: environment)
        }
    }

    private static func check(_ arguments: ParsedArguments, of word: String) throws(CommandFailure) {
        for name in arguments.flags.union(arguments.options.keys).sorted() {
            guard let owners = belonging[name], !owners.contains(word) else { continue }
            throw CommandFailure(
                code: .usage, message: "\(name) does not belong to audit \(word)",
                hint: "it belongs to audit \(owners.sorted().joined(separator: ", "))")
        }
        guard word != "export", arguments.words.count > 1 else { return }
        throw CommandFailure(
            code: .usage, message: "unexpected \"\(arguments.words[1])\"", hint: "a file belongs to audit export")
    }

    private static func show(
        _ arguments: ParsedArguments, isTail: Bool, environment: [String: String]
    ) throws(CommandFailure) -> ExitCode {
        let limit = try arguments.count("--limit", default: isTail ? tailLength : defaultLimit)
        let query = try query(arguments)
        return try AdministeredStore.run(arguments, environment: environment, label: "audit") { opened in
            let users = try await opened.store.users()
            let search = try search(query, arguments, users, opened)
            let (events, end) = search.newest(limit)
            let listing = AuditListing(users)
            guard isTail else {
                Console.say(arguments.has("--json") ? AuditListing.json(events) : listing.table(events))
                return
            }
            for event in events { say(event, listing, arguments) }
            if arguments.has("--follow") { try await follow(search, from: end, arguments, opened) }
        }
    }

    private static func export(
        _ arguments: ParsedArguments, environment: [String: String]
    ) throws(CommandFailure) -> ExitCode {
        let query = try query(arguments)
        guard let format = AuditExport.Format(rawValue: arguments["--format"] ?? "jsonl") else {
            throw CommandFailure(
                code: .usage, message: "--format \(arguments["--format"] ?? "") is not known", hint: "jsonl or csv")
        }
        return try AdministeredStore.run(arguments, environment: environment, label: "audit") { opened in
            let users = try await opened.store.users()
            let search = try search(query, arguments, users, opened)
            let file = arguments.words.dropFirst().first
            let output = try AuditExport.Output(path: file, isReplacing: arguments.has("--replace"))
            let count = try AuditExport(format: format, listing: AuditListing(users)).write(search, to: output)
            if let file { Console.complain("\(count) events: \(file)") }
        }
    }

    private static func search(
        _ query: AuditQuery, _ arguments: ParsedArguments, _ users: [UserRecord], _ opened: AdministeredStore
    ) throws(CommandFailure) -> AuditSearch {
        var query = query
        if let name = arguments["--user"] { query.users = try identifiers(of: name, in: users) }
        let folder = "\(opened.configuration.dataDirectory)/\(DataDirectory.auditName)"
        return AuditSearch(reader: AuditTrailReader(folder: folder), query: query)
    }

    private static func say(_ event: JSONDocument, _ listing: AuditListing, _ arguments: ParsedArguments) {
        Console.say(
            arguments.has("--json")
                ? String(decoding: JSONValue(event.root).serialized(), as: UTF8.self) : listing.line(event))
    }

    // Until somebody ends the program.
    private static func follow(
        _ search: AuditSearch, from start: AuditTrailReader.Position, _ arguments: ParsedArguments,
        _ opened: AdministeredStore
    ) async throws {
        var position = start
        while true {
            try await opened.loop.sleep(for: followInterval)
            var events: [JSONDocument] = []
            position = search.forEach(from: position) { events.append($0) }
            guard !events.isEmpty else { continue }
            // Accounts may be new, too.
            let listing = AuditListing(try await opened.store.users())
            for event in events { say(event, listing, arguments) }
        }
    }

    // A name that had an account before may have another identifier in older events; those are found by it.
    private static func identifiers(of name: String, in users: [UserRecord]) throws(CommandFailure) -> Set<String> {
        if let user = users.first(where: { $0.name.utf8.elementsEqual(name.utf8) }) { return [user.id.value] }
        guard name.hasPrefix("user_") || name.hasPrefix("client:") else {
            throw CommandFailure(
                code: .noUser, message: "there is no user named \(name)",
                hint: "an account that was removed is found by its identifier, user_…")
        }
        return [name]
    }

    private static func query(_ arguments: ParsedArguments) throws(CommandFailure) -> AuditQuery {
        var query = AuditQuery()
        query.client = arguments["--client"]
        query.server = arguments["--server"]
        query.tool = arguments["--tool"]
        query.outcomes = try words("--outcome", arguments, known: AuditOutcome.allCases.map(\.rawValue))
        if arguments.has("--tokens") { query.actions = AuditQuery.tokenActions }
        if let wanted = try words("--action", arguments, known: AuditAction.allCases.map(\.rawValue)) {
            query.actions = (query.actions ?? []).union(wanted)
        }
        query.since = try time("--since", arguments)
        query.until = try time("--until", arguments)
        return query
    }

    /// What `option` names, separated by commas; nil where it is not there.
    private static func words(
        _ option: String, _ arguments: ParsedArguments, known: [String]
    ) throws(CommandFailure) -> Set<String>? {
        guard let text = arguments[option] else { return nil }
        let wanted = text.split(separator: ",").map(String.init)
        for word in wanted where !known.contains(word) {
            let near = Suggestion.nearest(to: word, among: known.sorted()).map { "did you mean \"\($0)\"?" }
            throw CommandFailure(
                code: .usage, message: "there is no \(option.dropFirst(2)) \"\(word)\"",
                hint: near ?? (known.count < 5 ? known.joined(separator: ", ") : nil))
        }
        return Set(wanted)
    }

    private static func time(_ option: String, _ arguments: ParsedArguments) throws(CommandFailure) -> String? {
        guard let text = arguments[option] else { return nil }
        guard let time = AuditQuery.time(text, now: WallClock.system.now()) else {
            throw CommandFailure(
                code: .usage, message: "\(option) \(text) is no time", hint: "like 24h, 2026-11-21 or 2026-11-21T05:30Z"
            )
        }
        return time
    }
}
