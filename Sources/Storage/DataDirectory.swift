import AuthorizationServer
package import Crypto
import Glibc

/// The data directory: the store, the key that seals what the store holds, and who may look at them.
///
/// A database dump without the key signs nothing and opens nothing (S02), which is why the key is a file of its own.
package struct DataDirectory: Sendable {
    /// The SQLite file.
    package static let storeName = "sallyport.db"
    /// The sealing key.
    package static let keyName = "master.key"
    /// The folder of the audit trail.
    package static let auditName = "audit"
    /// The folder below which servers without a working directory get one each.
    package static let scratchName = "work"
    /// The folder of the certificate that an authority issued, with its key and that of the account there.
    package static let acmeName = "acme"
    /// What is in it.
    package static let acmeFiles = ["account.pem", "certificate.pem"]
    /// The file that says where the gateway can be reached.
    package static let originName = "origin"
    /// Files that nobody else may read.
    package static let privateFiles =
        [storeName, "\(storeName)-wal", "\(storeName)-shm", keyName] + acmeFiles.map { "\(acmeName)/\($0)" }

    /// The store.
    package let store: SQLiteStore
    /// The key that seals signing keys.
    package let sealing: SealingKey

    /// Opens the directory, making it with everything in it on first use; blocking. Refuses to begin anew where there
    /// are signs of an earlier life: that would silently forget every account and revocation.
    package static func open(_ path: String) throws(DatabaseOpeningError) -> DataDirectory {
        try makeFolder(path)
        let lock = try DirectoryLock.shared(path)
        let storePath = "\(path)/\(storeName)"
        let keyPath = "\(path)/\(keyName)"
        // The store is made before the key, so a key that is there now had a store before.
        let hadKey = unsafe access(keyPath, F_OK) == 0
        if hadKey, size(of: storePath) == 0 {
            throw DatabaseOpeningError(
                path: storePath, problem: "the store is missing or empty, but its key is still there",
                advice: "restore the store from a backup; to begin anew without any account, remove \(keyPath) as well")
        }
        let store = try SQLiteStore(path: storePath, holding: lock)
        if !hadKey, try holdsSealedKeys(storePath) {
            throw DatabaseOpeningError(
                path: keyPath, problem: "the sealing key is missing, but the store holds signing keys sealed with it",
                advice: "restore the key from a backup; to begin anew without any account, remove \(storePath) as well")
        }
        return DataDirectory(store: store, sealing: try MasterKey.open(keyPath))
    }

    /// The sealing key of a gateway whose store is elsewhere, making the directory and the key on first use; blocking.
    package static func openKey(_ path: String) throws(DatabaseOpeningError) -> SealingKey {
        try makeFolder(path)
        return try MasterKey.open("\(path)/\(keyName)")
    }

    /// Makes the directory where it is not there, closed to others; blocking.
    package static func makeFolder(_ path: String) throws(DatabaseOpeningError) {
        var folder = ""
        for part in path.split(separator: "/") {
            folder += (path.hasPrefix("/") || !folder.isEmpty ? "/" : "") + part
            guard unsafe mkdir(folder, 0o700) != 0, errno != EEXIST else { continue }
            let reason = unsafe String(cString: strerror(errno))
            guard unsafe access(folder, F_OK) != 0 else { continue }
            throw DatabaseOpeningError(
                path: folder, problem: "the data directory cannot be made: \(reason)",
                advice: "make it for this user, or name another with --data-dir")
        }
        var status = stat()
        guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw DatabaseOpeningError(
                path: path, problem: "is not a folder", advice: "name another with --data-dir")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw DatabaseOpeningError(
                path: path, problem: "other users of this machine can look into the data directory",
                advice: "chmod 700 \(path)")
        }
    }

    private static func size(of path: String) -> Int {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? Int(status.st_size) : 0
    }

    private static func holdsSealedKeys(_ path: String) throws(DatabaseOpeningError) -> Bool {
        do throws(StoreError) {
            let connection = try SQLiteConnection(path: path, readOnly: true)
            connection.setBusyTimeout(milliseconds: SQLiteDatabase.busyTimeout)
            return try connection.row("SELECT 1 FROM signing_key LIMIT 1") { row throws(StoreError) in
                try row.integer(0)
            } != nil
        } catch {
            throw DatabaseOpeningError(
                path: path, problem: error.detail, advice: DatabaseOpening.adviceToCheckAccess)
        }
    }
}
