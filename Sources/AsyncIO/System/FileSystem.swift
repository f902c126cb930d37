import CLibUV
import Glibc

/// Files, by calls that block: use them at start-up or inside ``BlockingExecutor/run(_:)``, never on a loop.
package enum FileSystem {
    /// An operation on a path that failed.
    package struct Failure: Error, Equatable, Sendable, CustomStringConvertible {
        package let path: String
        package let reason: IOError

        package init(path: String, reason: IOError) {
            self.path = path
            self.reason = reason
        }

        package var description: String { "\(path): \(reason)" }
        /// Whether nothing is at the path.
        package var isNotFound: Bool { reason == .system(code: ENOENT) }
    }

    /// The whole content; a file larger than `maximum` is refused with EFBIG.
    package static func readFile(_ path: String, maximum: Int = 16 << 20) throws(Failure) -> [UInt8] {
        let file = try open(path, O_RDONLY, mode: 0)
        do throws(IOError) {
            guard let bytes = try file.readAll(maximum: maximum) else { throw IOError.system(code: EFBIG) }
            return bytes
        } catch {
            throw Failure(path: path, reason: error)
        }
    }

    /// Replaces the file so that every reader, also after a power cut, sees the old content or the new.
    ///
    /// Temporary file in the same folder, fsync, rename, fsync of the folder.
    package static func writeFileAtomically(_ path: String, _ bytes: [UInt8], mode: UInt32 = 0o600) throws(Failure) {
        let temporary = "\(path).\(getpid()).\(uv_hrtime()).tmp"
        do {
            let file = try open(temporary, O_WRONLY | O_CREAT | O_EXCL, mode: mode)
            do throws(IOError) {
                guard fchmod(file.rawValue, mode) == 0 else { throw .last }
                try file.writeAll(bytes)
                guard fsync(file.rawValue) == 0 else { throw .last }
                guard unsafe rename(temporary, path) == 0 else { throw .last }
            } catch {
                _ = unsafe unlink(temporary)
                throw Failure(path: path, reason: error)
            }
        }
        try synchronizeDirectory(parent(of: path))
    }

    /// Appends and, if asked, waits until the bytes are on the disk.
    package static func appendToFile(
        _ path: String, _ bytes: [UInt8], mode: UInt32 = 0o600, synchronized: Bool = false
    ) throws(Failure) {
        let file = try open(path, O_WRONLY | O_CREAT | O_APPEND, mode: mode)
        do throws(IOError) {
            try file.writeAll(bytes)
            if synchronized, fdatasync(file.rawValue) != 0 { throw .last }
        } catch {
            throw Failure(path: path, reason: error)
        }
    }

    /// Makes the folder and its missing parents; the last one gets exactly `mode`, also when it exists.
    package static func ensureDirectory(_ path: String, mode: UInt32 = 0o700) throws(Failure) {
        if unsafe mkdir(path, mode) != 0 {
            switch errno {
            case EEXIST: break
            case ENOENT where parent(of: path) != path:
                try ensureParents(parent(of: path))
                if unsafe mkdir(path, mode) != 0, errno != EEXIST { throw failure(path) }
            case let code: throw Failure(path: path, reason: IOError(code: code))
            }
        }
        guard isDirectory(path) else { throw Failure(path: path, reason: .system(code: ENOTDIR)) }
        if unsafe chmod(path, mode) != 0 { throw failure(path) }
    }

    /// Whether something exists at the path.
    package static func exists(_ path: String) -> Bool {
        unsafe access(path, F_OK) == 0
    }

    /// Whether the path is a folder, through links.
    package static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Permission bits of what is at the path.
    package static func mode(of path: String) throws(Failure) -> UInt32 {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { throw failure(path) }
        return status.st_mode & 0o7777
    }

    /// What differs once a file was written, replaced, or given other permissions.
    package struct Version: Hashable, Sendable {
        fileprivate let device: UInt64
        fileprivate let inode: UInt64
        fileprivate let size: Int64
        fileprivate let modified: [Int]
        fileprivate let changed: [Int]
    }

    /// The version of the file that is at the path now, through links; nil when there is none.
    package static func version(of path: String) -> Version? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        return Version(
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino), size: Int64(status.st_size),
            modified: [status.st_mtim.tv_sec, status.st_mtim.tv_nsec],
            changed: [status.st_ctim.tv_sec, status.st_ctim.tv_nsec])
    }

    /// How many bytes a file has; nil when there is none.
    package static func size(of path: String) -> Int? {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? Int(status.st_size) : nil
    }

    /// Names in a folder, without `.` and `..`, sorted.
    package static func list(_ path: String) throws(Failure) -> [String] {
        guard let directory = unsafe opendir(path) else { throw failure(path) }
        defer { _ = unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Removes a file; one that does not exist is fine.
    package static func removeFile(_ path: String) throws(Failure) {
        if unsafe unlink(path) != 0, errno != ENOENT { throw failure(path) }
    }

    /// Removes a folder with everything in it, without following links.
    package static func removeTree(_ path: String) throws(Failure) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else {
            if errno == ENOENT { return }
            throw failure(path)
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { return try removeFile(path) }
        for name in try list(path) { try removeTree("\(path)/\(name)") }
        if unsafe rmdir(path) != 0, errno != ENOENT { throw failure(path) }
    }

    /// A new folder of mode 0700 whose name starts with `prefix`.
    package static func makeTemporaryDirectory(prefix: String = "sallyport") throws(Failure) -> String {
        let base = Environment["TMPDIR"] ?? "/tmp"
        var template = Array("\(base)/\(prefix).XXXXXX".utf8CString)
        guard
            unsafe template.withUnsafeMutableBufferPointer({ unsafe $0.baseAddress.map { unsafe mkdtemp($0) } ?? nil })
                != nil
        else {
            throw failure(base)
        }
        return unsafe template.withUnsafeBufferPointer { buffer in
            unsafe buffer.baseAddress.map { unsafe String(cString: $0) } ?? base
        }
    }

    // MARK: Steps

    private static func open(_ path: String, _ flags: Int32, mode: UInt32) throws(Failure) -> FileDescriptor {
        let descriptor = unsafe sp_open(path, flags, mode)
        guard descriptor >= 0 else { throw failure(path) }
        return FileDescriptor(owning: descriptor)
    }

    private static func synchronizeDirectory(_ path: String) throws(Failure) {
        let directory = try open(path, O_RDONLY | O_DIRECTORY, mode: 0)
        if fsync(directory.rawValue) != 0 { throw failure(path) }
    }

    private static func ensureParents(_ path: String) throws(Failure) {
        if isDirectory(path) { return }
        if parent(of: path) != path { try ensureParents(parent(of: path)) }
        if unsafe mkdir(path, 0o755) != 0, errno != EEXIST { throw failure(path) }
    }

    /// The folder of a path.
    package static func parent(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func failure(_ path: String) -> Failure {
        Failure(path: path, reason: .last)
    }
}
