import AuthorizationServer
import Crypto
import Glibc

/// Files that appear complete or not at all, and are on the disk when a call returns.
enum FileSafety {
    /// Moves a file; without `isReplacing` one that is there already is left as it is and the call fails.
    static func move(_ from: String, to: String, isReplacing: Bool) throws(DatabaseOpeningError) {
        if isReplacing {
            guard unsafe rename(from, to) == 0 else { throw failure(to, "cannot be written") }
        } else {
            guard unsafe link(from, to) == 0 else { throw failure(to, "cannot be made") }
            unsafe unlink(from)
        }
        synchronizeFolder(of: to)
    }

    /// Writes a small file, readable by its owner alone.
    static func write(_ bytes: [UInt8], to path: String, isReplacing: Bool) throws(DatabaseOpeningError) {
        let draft = "\(path).\(getpid()).\(Base64URL.encode(Random.bytes(6)))"
        let descriptor = unsafe open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure(draft, "cannot be made") }
        defer { unsafe unlink(draft) }
        let isWritten = writeAll(bytes[...], to: descriptor) && fsync(descriptor) == 0
        close(descriptor)
        guard isWritten else { throw failure(path, "cannot be written") }
        try move(draft, to: path, isReplacing: isReplacing)
    }

    /// What is in a small file; nil where there is none.
    static func content(of path: String, maximum: Int = 1 << 20) throws(DatabaseOpeningError) -> [UInt8]? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw failure(path, "cannot be read")
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while bytes.count <= maximum {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure(path, "cannot be read") }
            guard count > 0 else { return bytes }
            bytes += buffer[..<count]
        }
        throw DatabaseOpeningError(path: path, problem: "is too large", advice: "look at what it is")
    }

    /// Copies a file into a new one, readable by its owner alone.
    static func copy(_ from: String, to: String) throws(DatabaseOpeningError) {
        let source = unsafe open(from, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else { throw failure(from, "cannot be read") }
        defer { close(source) }
        let target = unsafe open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard target >= 0 else { throw failure(to, "cannot be made") }
        defer { close(target) }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(source, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure(from, "cannot be read") }
            guard count > 0 else { break }
            guard writeAll(buffer[..<count], to: target) else { throw failure(to, "cannot be written") }
        }
        guard fsync(target) == 0 else { throw failure(to, "cannot be written") }
    }

    /// Waits until the content of a file is on the disk.
    static func synchronize(_ path: String) throws(DatabaseOpeningError) {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0, fsync(descriptor) == 0 else { throw failure(path, "cannot be written") }
        close(descriptor)
    }

    /// How many bytes a file has; 0 when there is none.
    static func size(of path: String) -> Int {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? Int(status.st_size) : 0
    }

    /// A failure that says what `errno` means.
    static func failure(_ path: String, _ what: String) -> DatabaseOpeningError {
        let reason = unsafe String(cString: strerror(errno))
        return DatabaseOpeningError(
            path: path, problem: "\(what): \(reason)", advice: DatabaseOpening.adviceToCheckAccess)
    }

    private static func writeAll(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    private static func synchronizeFolder(of path: String) {
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}
