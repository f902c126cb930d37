import Glibc

/// The folder that this process was started in.
enum WorkingDirectory {
    /// Its absolute path; the root when it cannot be told.
    static let path: String = {
        guard let name = unsafe getcwd(nil, 0) else { return "/" }
        defer { unsafe free(name) }
        return unsafe String(cString: name)
    }()
}
