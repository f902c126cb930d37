import Crypto
import Glibc

/// The file with the key that seals signing keys: 32 random bytes as base64url, readable by its owner alone.
enum MasterKey {
    /// Reads the key, making it first when there is none. Of two processes that make it at once one wins and both get
    /// the same: the file appears complete, by `link`, or not at all.
    static func open(_ path: String) throws(DatabaseOpeningError) -> SealingKey {
        if let key = try read(path) { return key }
        try create(path)
        guard let key = try read(path) else {
            throw DatabaseOpeningError(
                path: path, problem: "the sealing key vanished", advice: DatabaseOpening.adviceToCheckAccess)
        }
        return key
    }

    /// The key of a file that may not be there.
    static func existing(_ path: String) throws(DatabaseOpeningError) -> SealingKey? { try read(path) }

    /// The content of the file, as another may hold it; it is a key.
    static func text(_ path: String) throws(DatabaseOpeningError) -> [UInt8] {
        guard let (text, _) = try content(path) else {
            throw DatabaseOpeningError(
                path: path, problem: "the sealing key is missing", advice: "restore it from a backup")
        }
        return text + [UInt8(ascii: "\n")]
    }

    private static func read(_ path: String) throws(DatabaseOpeningError) -> SealingKey? { try content(path)?.key }

    private static func content(_ path: String) throws(DatabaseOpeningError) -> (text: [UInt8], key: SealingKey)? {
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw failure(path, "cannot be read")
        }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & 0o077 == 0 else {
            throw DatabaseOpeningError(
                path: path, problem: "other users of this machine can read the sealing key", advice: "chmod 600 \(path)"
            )
        }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
        let text = bytes.prefix(max(count, 0)).filter { $0 != UInt8(ascii: "\n") }
        guard let material = Base64URL.decode(text), let key = SealingKey(material) else {
            throw DatabaseOpeningError(
                path: path, problem: "does not hold a sealing key of 32 bytes", advice: "restore it from a backup")
        }
        return (text, key)
    }

    private static func create(_ path: String) throws(DatabaseOpeningError) {
        let draft = "\(path).\(getpid()).\(Base64URL.encode(Random.bytes(6)))"
        let descriptor = unsafe Glibc.open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure(path, "cannot be made") }
        defer {
            close(descriptor)
            unsafe unlink(draft)
        }
        let text = Array((Base64URL.encode(Random.bytes(32)) + "\n").utf8)
        let count = unsafe text.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
        guard count == text.count, fsync(descriptor) == 0 else { throw failure(path, "cannot be written") }
        guard unsafe link(draft, path) == 0 || errno == EEXIST else { throw failure(path, "cannot be made") }
        // The key must not be lost by a power cut after something was sealed with it.
        let folder = unsafe Glibc.open(
            path.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/", O_RDONLY)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
    }

    private static func failure(_ path: String, _ what: String) -> DatabaseOpeningError {
        let reason = unsafe String(cString: strerror(errno))
        return DatabaseOpeningError(
            path: path, problem: "the sealing key \(what): \(reason)", advice: DatabaseOpening.adviceToCheckAccess)
    }
}
