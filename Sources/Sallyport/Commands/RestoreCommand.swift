import AsyncIO
import AuthorizationServer
import Storage
import Telemetry

/// `sallyport restore FILE`: a backup becomes the store of a gateway that does not run.
enum RestoreCommand {
    static let syntax = CommandSyntax(
        options: ["--config", "--data-dir", "--key"], flags: ["--dry-run", "--replace", "--end-grants", "--json"],
        words: ["FILE"])

    /// Checks the backup and, without `--dry-run`, puts it in place.
    static func run(_ arguments: ParsedArguments, environment: [String: String]) throws(CommandFailure) -> ExitCode {
        let configuration = try StoreFile.configuration(arguments, environment: environment)
        let directory = configuration.dataDirectory
        if FileSystem.exists(directory) { try StorePlace(configuration).check(isNewAllowed: true) }
        let backup = BackupFile(path: arguments.words[0])
        let (contents, keyPath) = try StoreFile.translating { () throws(DatabaseOpeningError) in
            let found = try Restoration.findKey(arguments["--key"], backup, directory)
            return (try backup.contents(key: found?.key), found?.path)
        }
        guard let keyPath, contents.keyFits == true else {
            throw CommandFailure(
                code: .dataError,
                message: keyPath.map { "the sealing key in \($0) does not open this backup" }
                    ?? "the sealing key of this backup is missing",
                hint: "name its file with --key; without it the gateway could sign nothing")
        }
        var moved: [String] = []
        if !arguments.has("--dry-run") {
            moved = try install(backup, keyPath, directory, arguments)
            try note(backup, configuration)
        }
        if arguments.has("--json") {
            Console.say(BackupReport.json(backup, contents, keyPath: keyPath))
        } else {
            let verb = arguments.has("--dry-run") ? "can be restored" : "restored"
            Console.say(
                "\(verb): the store as of \(contents.markedAt.iso8601), \(contents.bytes) bytes, into \(directory)")
            for file in moved { Console.say("what was there before: \(file)") }
        }
        return .success
    }

    private static func install(
        _ backup: BackupFile, _ keyPath: String, _ directory: String, _ arguments: ParsedArguments
    ) throws(CommandFailure) -> [String] {
        let isReplacing = arguments.has("--replace")
        let restoration = try StoreFile.translating { () throws(DatabaseOpeningError) in
            try Restoration(of: backup, keyPath: keyPath, into: directory, isReplacing: isReplacing)
        }
        if arguments.has("--end-grants") {
            do throws(CommandFailure) {
                try endGrants(in: restoration)
            } catch {
                restoration.abandon()
                throw error
            }
        }
        let time = WallClock.system.now().iso8601.filter { $0 != ":" && $0 != "." }
        do throws(DatabaseOpeningError) {
            return try restoration.install(aside: "replaced-\(time)")
        } catch {
            throw CommandFailure(code: .cannotCreate, message: "\(error.path): \(error.problem)", hint: error.advice)
        }
    }

    /// What was revoked after the backup was made would live again: with `--end-grants` nothing of it does.
    private static func endGrants(in restoration: borrowing Restoration) throws(CommandFailure) {
        let store: SQLiteStore
        do throws(DatabaseOpeningError) {
            store = try restoration.open()
        } catch {
            throw CommandFailure(code: .cannotCreate, message: "\(error.path): \(error.problem)", hint: error.advice)
        }
        let loop = EventLoop(name: "restore")
        defer {
            store.close()
            loop.shutdown()
        }
        try Lifecycle.run(on: loop) { () async throws(CommandFailure) in
            do {
                let nobody = DiscardingAuditLog()
                _ = try await GrantAdministration(store: store, configured: [], clock: .system, audit: nobody)
                    .revokeAll(of: nil, to: nil)
                _ = try await store.endSessions(of: nil, except: nil)
            } catch {
                throw UserCommand.failure(error)
            }
        }
    }

    private static func note(_ backup: BackupFile, _ configuration: Configuration) throws(CommandFailure) {
        let audit = try AuditTrail.open(configuration, logger: Logger(label: "restore"))
        audit.log.record(
            AuditEvent(time: WallClock.system.now(), action: .storeRestored, detail: [("file", backup.path)]))
        audit.flush()
    }
}
