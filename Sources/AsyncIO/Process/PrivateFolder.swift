import CLibUV
import Glibc

/// The folder for temporary files of one confined child; made by its launcher, which also removes it.
struct PrivateFolder {
    private static let prefix = "sallyport-child."

    /// Its path.
    let path: String

    /// Below `parent`, for the account `owner`, or ours. Fails with `errno`.
    init(below parent: String, mark: String, owner: SystemUser.Numbers?) throws(IOError) {
        var template = Array("\(parent)/\(Self.prefix)\(mark)XXXXXX".utf8CString)
        let made = unsafe template.withUnsafeMutableBufferPointer { buffer in
            unsafe buffer.baseAddress.flatMap { unsafe mkdtemp($0) } != nil
        }
        guard made else { throw .last }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if let owner, unsafe chown(path, owner.user, owner.group) != 0 { throw .last }
    }

    /// Removes it with everything in it.
    func remove() { Self.remove(path) }

    /// Removes what launchers left that were killed together with their gateway.
    static func removeAbandoned(below parent: String) {
        for name in (try? FileSystem.list(parent)) ?? [] {
            if let mark = ProcessMark(in: name, prefix: prefix), mark.isAbandoned { remove("\(parent)/\(name)") }
        }
    }

    /// Everything below is the child's, who may have made links in it, and others of its account may still do so: so no
    /// path is ever followed, only descriptors of folders that were just opened. What cannot be removed stays.
    private static func remove(_ path: String) {
        let folder = unsafe sp_open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0)
        if folder >= 0 { empty(folder, depth: 0) }
        _ = unsafe rmdir(path)
    }

    /// Closes `folder`.
    private static func empty(_ folder: Int32, depth: Int) {
        guard let stream = unsafe fdopendir(folder) else {
            _ = Glibc.close(folder)
            return
        }
        defer { _ = unsafe closedir(stream) }
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name == "." || name == ".." { continue }
            if unsafe unlinkat(folder, name, 0) == 0 { continue }
            // As deep as descriptors and stack allow without a thought.
            guard depth < 64 else { continue }
            let child = unsafe sp_open_at(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
            if child >= 0 { empty(child, depth: depth + 1) }
            _ = unsafe unlinkat(folder, name, AT_REMOVEDIR)
        }
    }
}
