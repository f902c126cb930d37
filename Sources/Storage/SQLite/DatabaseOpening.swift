import AuthorizationServer
import Glibc

/// Why a store could not be opened, in words for the operator (F13).
package struct DatabaseOpeningError: Error, Sendable, CustomStringConvertible {
    /// The file.
    package let path: String
    /// What is wrong.
    package let problem: String
    /// What to do.
    package let advice: String

    /// Both sentences.
    package var description: String { "\(path): \(problem)\n    hint: \(advice)" }
}

/// Opens the file of a store, makes or migrates its tables, and refuses what it does not understand.
enum DatabaseOpening {
    static let adviceToCheckAccess =
        "check that this user may read and write the data directory and that the disk has room"
    private static let adviceOnDamage =
        "stop every process that uses it, keep a copy of the file with its -wal and -shm files, then restore a backup "
        + "or try: sqlite3 FILE .recover. Sallyport never replaces a damaged store by an empty one"
    private static let adviceOnVersion = "start the version of Sallyport that wrote it, or a newer one"
    private static let adviceOnForeign = "name another data directory; this file belongs to another program"

    /// A file up to this size is checked page by page at every start.
    private static let quickCheckLimit = 64 << 20

    /// The writer's connection to the file at `path`.
    static func open(_ path: String) throws(DatabaseOpeningError) -> SQLiteConnection {
        try createFile(path)
        let refusal: DatabaseOpeningError?
        do throws(StoreError) {
            let connection = try SQLiteConnection(path: path)
            connection.setBusyTimeout(milliseconds: SQLiteDatabase.busyTimeout)
            try configure(connection)
            if fileSize(path) <= quickCheckLimit { try check(connection) }
            refusal = try migrate(connection, path)
            if refusal == nil { return connection }
        } catch {
            throw DatabaseOpeningError(
                path: path,
                problem: error.code == .corrupt ? "the store is damaged (\(error.detail))" : error.detail,
                advice: error.code == .corrupt ? adviceOnDamage : adviceToCheckAccess)
        }
        throw refusal ?? DatabaseOpeningError(path: path, problem: "cannot be opened", advice: adviceToCheckAccess)
    }

    /// SQLite gives `-wal` and `-shm` the mode of the file, so the file is made here, readable by its owner alone (S02).
    private static func createFile(_ path: String) throws(DatabaseOpeningError) {
        let descriptor = unsafe Glibc.open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            let reason = unsafe String(cString: strerror(errno))
            throw DatabaseOpeningError(path: path, problem: "cannot be opened: \(reason)", advice: adviceToCheckAccess)
        }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & 0o077 == 0 else {
            throw DatabaseOpeningError(
                path: path, problem: "other users of this machine may read or write the store",
                advice: "chmod 600 \(path)")
        }
    }

    private static func fileSize(_ path: String) -> Int {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? Int(status.st_size) : 0
    }

    private static func configure(_ connection: SQLiteConnection) throws(StoreError) {
        var attempt = 0
        while true {
            // Two processes that make the file at once meet here, and this one change does not wait by itself.
            do throws(StoreError) {
                try connection.script("PRAGMA journal_mode = WAL")
                break
            } catch {
                attempt += 1
                guard error.code == .unavailable, attempt < 100 else { throw error }
                usleep(50_000)
            }
        }
        try connection.script(
            """
            PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;
            PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864;
            """)
    }

    private static func check(_ connection: SQLiteConnection) throws(StoreError) {
        let findings = try connection.rows("PRAGMA quick_check(3)") { row throws(StoreError) in try row.text(0) }
        guard findings == ["ok"] else {
            throw StoreError(.corrupt, detail: findings.joined(separator: "; "))
        }
    }

    /// The schema version of a file that is to become a store, every page and index of it checked.
    static func checkBackup(_ connection: SQLiteConnection) throws(StoreError) -> Int {
        guard try applicationID(connection) == Schema.applicationID else {
            throw StoreError(.corrupt, detail: "it is not a Sallyport store")
        }
        let findings = try connection.rows("PRAGMA integrity_check(3)") { row throws(StoreError) in try row.text(0) }
        guard findings == ["ok"] else { throw StoreError(.corrupt, detail: findings.joined(separator: "; ")) }
        return Int(try version(connection))
    }

    private static func migrate(
        _ connection: SQLiteConnection, _ path: String
    ) throws(StoreError) -> DatabaseOpeningError? {
        let newest = Int64(Schema.migrations.count)
        if try version(connection) == newest, try applicationID(connection) == Schema.applicationID { return nil }
        try connection.run("BEGIN IMMEDIATE")
        // Read again under the lock: another process may have migrated in between.
        let current = try version(connection)
        let refusal = try refusal(connection, path, current: current, newest: newest)
        guard refusal == nil else {
            try connection.run("ROLLBACK")
            return refusal
        }
        for (index, migration) in Schema.migrations.enumerated().dropFirst(Int(current)) {
            try connection.script(migration.sql)
            try connection.run(
                "INSERT INTO migration (version, name, applied_at) VALUES (?1, ?2, unixepoch() * 1000)",
                .integer(Int64(index + 1)), .text(migration.name))
        }
        try connection.script("PRAGMA user_version = \(newest); PRAGMA application_id = \(Schema.applicationID)")
        try connection.run("COMMIT")
        return nil
    }

    private static func refusal(
        _ connection: SQLiteConnection, _ path: String, current: Int64, newest: Int64
    ) throws(StoreError) -> DatabaseOpeningError? {
        let tables = try connection.row("SELECT count(*) FROM sqlite_schema") { row throws(StoreError) in
            try row.integer(0)
        }
        let isEmpty = tables == 0
        if !isEmpty, try applicationID(connection) != Schema.applicationID {
            return DatabaseOpeningError(
                path: path, problem: "is an SQLite file, but not a Sallyport store", advice: adviceOnForeign)
        }
        if current > newest {
            return DatabaseOpeningError(
                path: path,
                problem: "was written by a newer version (schema \(current), this program knows \(newest))",
                advice: adviceOnVersion)
        }
        if isEmpty != (current == 0) {
            return DatabaseOpeningError(
                path: path, problem: "its schema version \(current) does not fit its tables", advice: adviceOnDamage)
        }
        return nil
    }

    private static func version(_ connection: SQLiteConnection) throws(StoreError) -> Int64 {
        try connection.row("PRAGMA user_version") { row throws(StoreError) in try row.integer(0) } ?? 0
    }

    private static func applicationID(_ connection: SQLiteConnection) throws(StoreError) -> Int64 {
        try connection.row("PRAGMA application_id") { row throws(StoreError) in try row.integer(0) } ?? 0
    }
}
