import CLibUV
import Glibc

/// The control group of one child and its descendants, made by its launcher: limits that hold for all of them together,
/// and a list that nobody leaves by changing session or parent.
///
/// With control groups of version 1 each controller has folders of its own, so one group is several folders.
struct ControlGroup: Equatable, Sendable {
    /// One folder, and what is written to files in it.
    struct Folder: Equatable, Sendable {
        var path: String
        var settings: [Setting] = []
    }

    struct Setting: Equatable, Sendable {
        var file: String
        var value: String
        /// Whether the kernel may lack the file.
        var isOptional = false
    }

    /// How the name of every folder of ours begins; a ``ProcessMark`` and a number follow.
    static let prefix = "sallyport."

    var folders: [Folder]

    // MARK: Its life

    /// Makes the folders and sets the limits. Fails with `errno`, and leaves nothing then.
    func make() throws(IOError) {
        do throws(IOError) {
            for folder in folders {
                guard unsafe mkdir(folder.path, 0o755) == 0 else { throw .last }
                for setting in folder.settings {
                    let code = Self.write(setting.value, to: "\(folder.path)/\(setting.file)")
                    if code != 0, !setting.isOptional { throw IOError(code: code) }
                }
            }
        } catch {
            remove()
            throw error
        }
    }

    /// Moves this process into it; 0 or `errno`.
    func enter() -> Int32 {
        for folder in folders {
            let code = Self.write("0", to: "\(folder.path)/cgroup.procs")
            if code != 0 { return code }
        }
        return 0
    }

    /// Kills everybody in it. In one act where the kernel can; else nobody may fork any more and everybody is met in
    /// turn, so that what forks faster than it is killed comes to an end all the same.
    func kill() {
        for folder in folders where Self.write("1", to: "\(folder.path)/cgroup.kill") == 0 { return }
        for folder in folders { _ = Self.write("0", to: "\(folder.path)/pids.max") }
        guard let folder = folders.first else { return }
        for member in Self.members(of: folder.path) {
            let descriptor = sp_pidfd_open(member)
            guard descriptor >= 0 else { continue }
            // The number may have become another's before it was opened.
            if Self.members(of: folder.path).contains(member) { sp_pidfd_signal(descriptor, SIGKILL) }
            _ = Glibc.close(descriptor)
        }
    }

    /// Removes the folders; those with somebody in them stay.
    func remove() {
        for folder in folders { Self.remove(folder.path, depth: 0) }
    }

    /// Kills until nobody is left, at most for `limit` nanoseconds, and removes it; blocking.
    func clear(within limit: UInt64) {
        let end = uv_hrtime() + limit
        repeat {
            kill()
            remove()
            if !folders.contains(where: { FileSystem.exists($0.path) }) { return }
            usleep(5000)
        } while uv_hrtime() < end
    }

    // MARK: Steps

    /// A program of root can make groups within its own.
    private static func remove(_ path: String, depth: Int) {
        guard unsafe rmdir(path) != 0, errno == EBUSY, depth < 16 else { return }
        for name in (try? FileSystem.list(path)) ?? [] where FileSystem.isDirectory("\(path)/\(name)") {
            remove("\(path)/\(name)", depth: depth + 1)
        }
        _ = unsafe rmdir(path)
    }

    private static func members(of path: String) -> [Int32] {
        let bytes = (try? FileSystem.readFile("\(path)/cgroup.procs")) ?? []
        return bytes.split(separator: UInt8(ascii: "\n")).compactMap { ProcFS.number($0) }
    }

    /// 0 or `errno`.
    static func write(_ text: String, to path: String) -> Int32 {
        let file = unsafe sp_open(path, O_WRONLY, 0)
        guard file >= 0 else { return errno }
        defer { _ = Glibc.close(file) }
        let bytes = Array(text.utf8)
        let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
        return count == bytes.count ? 0 : errno
    }

    // MARK: As it travels

    /// The texts of a ``LaunchSpecification``.
    var texts: [String] {
        folders.flatMap { folder in
            [folder.path, String(folder.settings.count)]
                + folder.settings.flatMap { [$0.file, $0.value, $0.isOptional ? "?" : ""] }
        }
    }

    /// Nil for texts that nobody wrote.
    init?(texts: [String]) {
        var rest = texts[...]
        folders = []
        while let path = rest.popFirst() {
            guard let count = rest.popFirst().flatMap({ Int($0) }), count >= 0, rest.count / 3 >= count else {
                return nil
            }
            var folder = Folder(path: path)
            for _ in 0..<count {
                guard let file = rest.popFirst(), let value = rest.popFirst(), let mode = rest.popFirst() else {
                    return nil
                }
                folder.settings.append(Setting(file: file, value: value, isOptional: mode == "?"))
            }
            folders.append(folder)
        }
    }

    init(folders: [Folder]) {
        self.folders = folders
    }
}
