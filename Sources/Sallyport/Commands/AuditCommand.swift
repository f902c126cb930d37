import AsyncIO
import AuthorizationServer
import JSON
import OAuth
import Storage
import Telemetry

/// `sallyport audit`: who got which token when, and everything else that the audit trail holds.
enum AuditCommand {
    static let syntax = CommandSyntax(
        options: ["--config", "--data-dir", "--user", "--client", "--action", "--since", "--until", "--limit"],
        flags: ["--json", "--tokens", "--follow"], words: ["SUBCOMMAND"], wordsAreOptional: true)

    private static let defaultLimit = 1000
    private static let tailLength = 20
    private static let followInterval = Duration.milliseconds(250)

    /// Does what the words say.
    static func run(_ arguments: ParsedArguments, environment: [String: String]) throws(CommandFailure) -> ExitCode {
        let isTail: Bool
        switch arguments.words.first {
        case "list": isTail = false
        case "tail": isTail = true
        default: throw arguments.misuse(of: "audit", known: ["list", "tail"])
        }
        guard isTail || !arguments.has("--follow") else {
            throw CommandFailure(code: .usage, message: "--follow belongs to audit tail")
        }
        let limit = try arguments.count("--limit", default: isTail ? tailLength : defaultLimit)
        let query = try query(arguments)
        return try AdministeredStore.run(arguments, environment: environment, label: "audit") { opened in
            let folder = "\(opened.configuration.dataDirectory)/\(DataDirectory.auditName)"
            let users = try await opened.store.users()
            var query = query
            if let name = arguments["--user"] { query.users = try identifiers(of: name, in: users) }
            let search = AuditSearch(reader: AuditTrailReader(folder: folder), query: query)
            let (events, end) = search.newest(limit)
            let listing = AuditListing(users)
            if isTail {
                for event in events { say(event, listing, arguments) }
                if arguments.has("--follow") {
                    try await follow(search, from: end, arguments, opened)
                }
            } else {
                Console.say(arguments.has("--json") ? AuditListing.json(events) : listing.table(events))
            }
        }
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
        if arguments.has("--tokens") { query.actions = AuditQuery.tokenActions }
        if let text = arguments["--action"] {
            let known = Set(AuditAction.allCases.map(\.rawValue))
            let wanted = text.split(separator: ",").map(String.init)
            for action in wanted where !known.contains(action) {
                let near = Suggestion.nearest(to: action, among: known.sorted()).map { "did you mean \"\($0)\"?" }
                throw CommandFailure(code: .usage, message: "there is no action \"\(action)\"", hint: near)
            }
            query.actions = (query.actions ?? []).union(wanted)
        }
        query.since = try time("--since", arguments)
        query.until = try time("--until", arguments)
        return query
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

/// Events of a trail that match a query.
struct AuditSearch {
    let reader: AuditTrailReader
    let query: AuditQuery

    /// The newest `limit` events, oldest first, and where the trail ended.
    func newest(_ limit: Int) -> (events: [JSONDocument], end: AuditTrailReader.Position) {
        var events: [JSONDocument] = []
        let end = forEach(from: AuditTrailReader.Position(day: query.firstDay)) { event in
            events.append(event)
            if events.count >= 2 * limit { events.removeFirst(events.count - limit) }
        }
        return (Array(events.suffix(limit)), end)
    }

    /// Calls `body` with each event from `start` on; returns where the trail ended. A line that is no event is passed over.
    func forEach(from start: AuditTrailReader.Position, _ body: (JSONDocument) -> Void) -> AuditTrailReader.Position {
        reader.read(from: start) { line in
            guard let event = try? JSONDocument(parsing: Array(line)), query.matches(event.root) else { return }
            body(event)
        }
    }
}
