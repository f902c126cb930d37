import AuthorizationServer
package import Crypto
import Glibc
package import Telemetry

/// A copy of a store in one file, with the sealing key in a second one beside it (`FILE.key`).
///
/// The file is an SQLite database like the store itself. Without the key it signs nothing and opens nothing (S02), so the two
/// can be kept apart.
package struct BackupFile: Sendable {
    /// What a backup holds.
    package struct Contents: Sendable, Hashable {
        /// The version of its tables; older ones are brought up to date when the gateway starts.
        package let schemaVersion: Int
        /// The latest time that the store had been given when the backup was made.
        package let markedAt: Timestamp
        /// Its size.
        package let bytes: Int
        /// Whether `key` opens the signing keys in it; nil where there is no key to try.
        package let keyFits: Bool?
    }

    /// The copy of the store.
    package let path: String
    /// Where the copy of its sealing key is, when it was copied.
    package var keyPath: String { "\(path).key" }

    /// Where the copies of what an authority issued are, by their names in the data directory.
    var certificates: [(name: String, path: String)] {
        DataDirectory.acmeFiles.map { ($0, "\(path).\($0)") }
    }

    /// Names a backup, there or not.
    package init(path: String) {
        self.path = path
    }

    // MARK: Making

    /// Copies the store of `directory` as it is at one moment, whoever uses it meanwhile; blocking. A file that is there
    /// already is replaced only when `isReplacing`. The copy appears complete or not at all, and is on the disk then.
    package func make(
        from directory: String, withKey: Bool, isReplacing: Bool
    ) throws(DatabaseOpeningError) {
        let lock = try DirectoryLock.shared(directory)
        defer { lock.release() }
        if !isReplacing { try refuseToOverwrite() }
        let key = withKey ? try MasterKey.text("\(directory)/\(DataDirectory.keyName)") : nil
        // Private keys are in them, so they go the way of the key.
        var issued: [String: [UInt8]] = [:]
        for (name, _) in certificates where withKey {
            issued[name] = try FileSafety.content(of: "\(directory)/\(DataDirectory.acmeName)/\(name)")
        }
        let draft = "\(path).\(getpid()).\(Base64URL.encode(Random.bytes(6)))"
        defer { unsafe unlink(draft) }
        try createEmpty(draft)
        try copy("\(directory)/\(DataDirectory.storeName)", to: draft)
        try FileSafety.synchronize(draft)
        if let key { try FileSafety.write(key, to: keyPath, isReplacing: isReplacing) }
        for (name, place) in certificates {
            if let bytes = issued[name] {
                try FileSafety.write(bytes, to: place, isReplacing: isReplacing)
            } else if isReplacing {
                unsafe unlink(place)
            }
        }
        try FileSafety.move(draft, to: path, isReplacing: isReplacing)
    }

    private func refuseToOverwrite() throws(DatabaseOpeningError) {
        for file in [path, keyPath] + certificates.map(\.path) where unsafe access(file, F_OK) == 0 {
            throw DatabaseOpeningError(
                path: file, problem: "is there already", advice: "name another file, or replace it with --replace")
        }
    }

    private func createEmpty(_ draft: String) throws(DatabaseOpeningError) {
        let descriptor = unsafe open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileSafety.failure(draft, "cannot be made") }
        close(descriptor)
    }

    // `VACUUM INTO` reads one snapshot, the log included, and takes nobody's lock.
    private func copy(_ store: String, to draft: String) throws(DatabaseOpeningError) {
        do throws(StoreError) {
            let connection = try SQLiteConnection(path: store, readOnly: true)
            connection.setBusyTimeout(milliseconds: SQLiteDatabase.busyTimeout)
            try connection.run("VACUUM INTO ?1", .text(draft))
        } catch {
            throw DatabaseOpeningError(
                path: store, problem: error.detail,
                advice: error.code == .full ? "make room where the backup goes" : DatabaseOpening.adviceToCheckAccess)
        }
    }

    // MARK: Reading

    /// Checks every page and says what is in it; blocking. Refuses a file that is no backup, is damaged, or was written by a
    /// newer version.
    package func contents(key: SealingKey?) throws(DatabaseOpeningError) -> Contents {
        guard unsafe access(path, R_OK) == 0 else {
            let reason = unsafe String(cString: strerror(errno))
            throw DatabaseOpeningError(
                path: path, problem: "cannot be read: \(reason)", advice: "name a file that sallyport backup made")
        }
        do throws(StoreError) {
            let connection = try SQLiteConnection(path: path, readOnly: true)
            connection.setBusyTimeout(milliseconds: SQLiteDatabase.busyTimeout)
            let version = try DatabaseOpening.checkBackup(connection)
            guard version <= Schema.migrations.count else {
                throw StoreError(.corrupt, detail: "it was written by a newer version")
            }
            let mark = try connection.row("SELECT mark FROM clock") { row throws(StoreError) in try row.time(0) }
            return Contents(
                schemaVersion: version, markedAt: mark ?? Timestamp(millisecondsSinceEpoch: 0),
                bytes: FileSafety.size(of: path),
                keyFits: try key.map { key throws(StoreError) in try fits(key, connection) })
        } catch {
            throw DatabaseOpeningError(
                path: path, problem: "is no backup that can be used: \(error.detail)", advice: "name another file")
        }
    }

    private func fits(_ key: SealingKey, _ connection: SQLiteConnection) throws(StoreError) -> Bool {
        let keys = try connection.rows(
            "SELECT id, sealed_private_key FROM signing_key WHERE retired_at IS NULL"
        ) { row throws(StoreError) in (try row.text(0), try row.blob(1)) }
        return keys.allSatisfy { key.open($0.1, authenticating: Array($0.0.utf8)) != nil }
    }
}
