import Glibc

/// The folder of the audit trail: one file of JSON lines for each day, `2026-11-21.jsonl`. Blocking.
struct AuditFolder: Sendable {
    let path: String

    /// The file of a day.
    func file(_ day: String) -> String { "\(path)/\(day).jsonl" }

    /// The days that there are, oldest first.
    func days() -> [String] {
        guard let directory = unsafe opendir(path) else { return [] }
        defer { unsafe closedir(directory) }
        var days: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name.utf8.count == 16, name.hasSuffix(".jsonl") { days.append(String(name.prefix(10))) }
        }
        return days.sorted()
    }

    /// Runs `body` while no other process appends: several gateways and commands may write to one folder. When the folder
    /// cannot be locked, `body` runs all the same: an event in doubtful order is better than none.
    func locked<Value>(_ body: () -> Value) -> Value {
        let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return body() }
        defer { close(descriptor) }
        while flock(descriptor, LOCK_EX) != 0 && errno == EINTR {}
        return body()
    }

    /// Bytes of an open file; 0 when it cannot be said.
    static func size(of descriptor: Int32) -> Int {
        var status = stat()
        return unsafe fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
    }

    /// Bytes `start` to `end` of an open file, or fewer where it ends or cannot be read.
    static func read(_ descriptor: Int32, from start: Int, to end: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: max(0, end - start))
        var filled = 0
        while filled < bytes.count {
            let count = unsafe bytes.withUnsafeMutableBytes { buffer in
                let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
                return unsafe pread(descriptor, rest.baseAddress, rest.count, off_t(start + filled))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            filled += count
        }
        bytes.removeLast(bytes.count - filled)
        return bytes
    }
}
