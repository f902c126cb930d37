import AsyncIO
import AuthorizationServer
import JSON
import Storage
import Telemetry

/// `sallyport stats`: how much of everything there is.
enum StatsCommand {
    static let syntax = CommandSyntax(options: ["--config", "--data-dir"], flags: ["--json"])

    /// Prints the counts of the store and the sizes of the files.
    static func run(_ arguments: ParsedArguments, environment: [String: String]) throws(CommandFailure) -> ExitCode {
        try AdministeredStore.run(arguments, environment: environment, label: "stats") { opened in
            let settings = AuthorizationServerConfiguration(opened.configuration)
            let census = try await opened.store.census(lifetime: settings.session, at: WallClock.system.now())
            var rows = StoreEntry.allCases.map { ($0.rawValue, census[$0] ?? 0) }
            let directory = opened.configuration.dataDirectory
            if opened.configuration.storage == .sqlite {
                let files = ["", "-wal"].map { "\(directory)/\(DataDirectory.storeName)\($0)" }
                rows.append(("store_bytes", size(of: files)))
            }
            let trail = "\(directory)/\(DataDirectory.auditName)"
            rows.append(("audit_bytes", size(of: days(trail).map { "\(trail)/\($0)" })))
            rows.append(("audit_days", days(trail).count))
            Console.say(arguments.has("--json") ? json(rows) : table(rows))
        }
    }

    private static func json(_ rows: [(String, Int)]) -> String {
        let members = rows.map { JSONValue.Member($0.0, .integer(Int64($0.1))) }
        return String(decoding: JSONValue.object(members).serialized(), as: UTF8.self)
    }

    private static func table(_ rows: [(String, Int)]) -> String {
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { name, count in
            let words = String(name.map { $0 == "_" ? " " : $0 })
            return words + String(repeating: " ", count: width - words.count + 2) + String(count)
        }.joined(separator: "\n")
    }

    private static func size(of paths: [String]) -> Int {
        paths.reduce(0) { $0 + (FileSystem.size(of: $1) ?? 0) }
    }

    // A folder that is not there holds nothing.
    private static func days(_ folder: String) -> [String] {
        ((try? FileSystem.list(folder)) ?? []).filter { $0.hasSuffix(".jsonl") }
    }
}
