import Glibc

/// Questions about where files lie, links followed.
enum FilePath {
    /// Whether `path` is `folder` or below it.
    static func contains(_ folder: String, _ path: String) -> Bool {
        let (folder, path) = (resolved(folder), resolved(path))
        return folder == "/" || path.utf8.elementsEqual(folder.utf8) || path.utf8.starts(with: "\(folder)/".utf8)
    }

    /// Whether one of the two lies in the other.
    static func overlap(_ first: String, _ second: String) -> Bool {
        contains(first, second) || contains(second, first)
    }

    /// Without links, as far as it exists.
    private static func resolved(_ path: String) -> String {
        if let real = unsafe realpath(path, nil) {
            defer { unsafe free(real) }
            return unsafe String(cString: real)
        }
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return path }
        let parent = resolved(String(path[..<slash]))
        return (parent == "/" ? "" : parent) + path[slash...]
    }
}
