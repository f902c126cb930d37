import AsyncIO
import JSON
import Storage
import Telemetry

/// `sallyport backup FILE`: a copy of the store as it is at one moment, while the gateway runs.
enum BackupCommand {
    static let syntax = CommandSyntax(
        options: ["--config", "--data-dir"], flags: ["--without-key", "--replace", "--json"], words: ["FILE"])

    /// Makes the copy.
    static func run(_ arguments: ParsedArguments, environment: [String: String]) throws(CommandFailure) -> ExitCode {
        let configuration = try StoreFile.configuration(arguments, environment: environment)
        try StorePlace(configuration).check(isNewAllowed: false)
        let backup = BackupFile(path: arguments.words[0])
        let withKey = !arguments.has("--without-key")
        let contents = try StoreFile.translating { () throws(DatabaseOpeningError) in
            try backup.make(
                from: configuration.dataDirectory, withKey: withKey, isReplacing: arguments.has("--replace"))
            return try backup.contents(key: nil)
        }
        guard !arguments.has("--json") else {
            Console.say(BackupReport.json(backup, contents, keyPath: withKey ? backup.keyPath : nil))
            return .success
        }
        Console.say("the store as of \(contents.markedAt.iso8601): \(backup.path), \(contents.bytes) bytes")
        Console.say(
            withKey
                ? "its sealing key: \(backup.keyPath)\nkeep the key apart from the copy: whoever has both can sign tokens"
                : "without the sealing key: keep \(configuration.dataDirectory)/\(DataDirectory.keyName) safe, or it is of no use"
        )
        return .success
    }
}

/// What there is to say about a backup.
enum BackupReport {
    /// As a JSON object.
    static func json(_ backup: BackupFile, _ contents: BackupFile.Contents, keyPath: String?) -> String {
        let value: JSONValue = [
            "file": .string(backup.path), "bytes": .integer(Int64(contents.bytes)),
            "schema_version": .integer(Int64(contents.schemaVersion)), "as_of": .string(contents.markedAt.iso8601),
            "key": keyPath.map { .string($0) } ?? .null,
            "key_fits": contents.keyFits.map { .boolean($0) } ?? .null,
        ]
        return String(decoding: value.serialized(), as: UTF8.self)
    }
}

/// A store in a file, which a command copies or replaces without opening it.
enum StoreFile {
    /// The configuration, when its store is a file.
    static func configuration(
        _ arguments: ParsedArguments, environment: [String: String]
    ) throws(CommandFailure) -> Configuration {
        let configuration = try Configuration.forCommand(
            arguments, environment: environment, purpose: .administration())
        guard configuration.storage == .sqlite else {
            throw CommandFailure(
                code: .configuration, message: "only a store in a file (storage: sqlite) is copied by this command")
        }
        return configuration
    }

    /// Runs `body`; what goes wrong becomes a message with advice.
    static func translating<Value: ~Copyable>(
        _ body: () throws(DatabaseOpeningError) -> Value
    ) throws(CommandFailure) -> Value {
        do throws(DatabaseOpeningError) {
            return try body()
        } catch {
            throw CommandFailure(code: .cannotCreate, message: "\(error.path): \(error.problem)", hint: error.advice)
        }
    }
}
