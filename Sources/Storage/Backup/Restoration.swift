import AuthorizationServer
package import Crypto
import Glibc

/// The way back from a backup into a data directory that nobody uses meanwhile.
///
/// What is there already is moved aside, never deleted, and only when that was asked for. A crash in between leaves the old
/// files under their new names and no store: the gateway then refuses to start instead of beginning anew.
package struct Restoration: ~Copyable {
    private let directory: String
    private let key: [UInt8]
    private let draft: String
    private let certificates: [(name: String, bytes: [UInt8])]
    private let lock: DirectoryLock

    /// The sealing key with which the restored store will be used: of the file `keyPath`, beside the backup, or already in
    /// the directory; nil where there is none.
    package static func findKey(
        _ keyPath: String?, _ backup: BackupFile, _ directory: String
    ) throws(DatabaseOpeningError) -> (key: SealingKey, path: String)? {
        let places = keyPath.map { [$0] } ?? [backup.keyPath, "\(directory)/\(DataDirectory.keyName)"]
        for place in places {
            if let key = try MasterKey.existing(place) { return (key, place) }
        }
        guard let keyPath else { return nil }
        throw DatabaseOpeningError(path: keyPath, problem: "is not there", advice: "name the file of the sealing key")
    }

    /// Copies the backup into the directory under another name; blocking. From here on nobody else can use the directory.
    /// `keyPath` is that of the key, which must fit.
    package init(
        of backup: BackupFile, keyPath: String, into directory: String, isReplacing: Bool
    ) throws(DatabaseOpeningError) {
        try DataDirectory.makeFolder(directory)
        let lock = try DirectoryLock.exclusive(directory)
        let store = "\(directory)/\(DataDirectory.storeName)"
        if !isReplacing, unsafe access(store, F_OK) == 0 {
            throw DatabaseOpeningError(
                path: store, problem: "is there already",
                advice: "name another --data-dir, or move it aside with --replace")
        }
        let key = try MasterKey.text(keyPath)
        var certificates: [(name: String, bytes: [UInt8])] = []
        for (name, path) in backup.certificates {
            if let bytes = try FileSafety.content(of: path) { certificates.append((name, bytes)) }
        }
        let draft = "\(store).restoring"
        Self.remove(draft)
        try FileSafety.copy(backup.path, to: draft)
        self.directory = directory
        self.key = key
        self.draft = draft
        self.certificates = certificates
        self.lock = lock
    }

    /// The store in the making, to change something in it before it is used.
    package func open() throws(DatabaseOpeningError) -> SQLiteStore { try SQLiteStore(path: draft) }

    /// Puts the store and its key in place; `suffix` names what was there before. Returns the files that were moved aside.
    package consuming func install(aside suffix: String) throws(DatabaseOpeningError) -> [String] {
        var moved: [String] = []
        let store = "\(directory)/\(DataDirectory.storeName)"
        let old = "\(store).\(suffix)"
        for ending in ["", "-wal", "-shm"] where unsafe access(store + ending, F_OK) == 0 {
            try FileSafety.move(store + ending, to: old + ending, isReplacing: false)
            moved.append(old + ending)
        }
        let keyFile = "\(directory)/\(DataDirectory.keyName)"
        if unsafe access(keyFile, F_OK) == 0, try MasterKey.text(keyFile) != key {
            try FileSafety.move(keyFile, to: "\(keyFile).\(suffix)", isReplacing: false)
            moved.append("\(keyFile).\(suffix)")
        }
        let issued = "\(directory)/\(DataDirectory.acmeName)"
        if !certificates.isEmpty { try DataDirectory.makeFolder(issued) }
        for (name, bytes) in certificates {
            let file = "\(issued)/\(name)"
            if let present = try FileSafety.content(of: file), present != bytes {
                try FileSafety.move(file, to: "\(file).\(suffix)", isReplacing: false)
                moved.append("\(file).\(suffix)")
            }
            try FileSafety.write(bytes, to: file, isReplacing: true)
        }
        try FileSafety.write(key, to: keyFile, isReplacing: true)
        try FileSafety.move(draft, to: store, isReplacing: false)
        return moved
    }

    /// Leaves the directory as it was.
    package consuming func abandon() {
        Self.remove(draft)
    }

    private static func remove(_ draft: String) {
        for ending in ["", "-wal", "-shm"] { unsafe unlink(draft + ending) }
    }
}
