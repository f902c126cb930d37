import Glibc

/// Questions about the permissions of files.
enum FileMode {
    /// The permission bits of `path`, or nil when it cannot be looked at.
    static func permissions(of path: String) -> UInt32? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        return UInt32(status.st_mode & 0o7777)
    }

    /// Whether users other than owner and group may read `path`.
    static func isReadableByOthers(_ path: String) -> Bool {
        permissions(of: path).map { $0 & 0o004 != 0 } ?? false
    }

    /// Whether anybody but the owner may read, write or enter `path`.
    static func isOpenToOthers(_ path: String) -> Bool {
        permissions(of: path).map { $0 & 0o077 != 0 } ?? false
    }

    /// The user to whom `path` belongs, or nil when it cannot be looked at.
    static func owner(of path: String) -> UInt32? {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? status.st_uid : nil
    }

    /// The user as whom this process acts.
    static var ownUser: UInt32 { geteuid() }

    /// Whether `path` names a directory.
    static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return false }
        return status.st_mode & S_IFMT == S_IFDIR
    }

    /// Whether `path` names a file that this process may execute.
    static func isExecutable(_ path: String) -> Bool {
        var status = stat()
        guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return false }
        return unsafe access(path, X_OK) == 0
    }
}
