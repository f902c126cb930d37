import Glibc

/// The folder of the audit trail: one file of JSON lines for each day, `2026-11-21.jsonl`. Blocking.
struct AuditFolder: Sendable {
    let path: String

    /// The file of a day.
    func file(_ day: String) -> String { "\(path)/\(day).jsonl" }

    /// The days that there are, oldest first; none where the folder cannot be read.
    func days() -> [String] { listing() ?? [] }

    /// The days that there are, oldest first; nil where the folder cannot be read, with `errno`.
    func listing() -> [String]? {
        guard let directory = unsafe opendir(path) else { return nil }
        defer { unsafe closedir(directory) }
        var days: [String] = []
        while true {
            errno = 0
            guard let entry = unsafe readdir(directory) else { break }
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name.utf8.count == 16, name.hasSuffix(".jsonl") { days.append(String(name.prefix(10))) }
        }
        return errno == 0 ? days.sorted() : nil
    }

    /// Runs `body` while no other process appends: several gateways and commands may write to one folder. When the folder
    /// cannot be locked, `body` runs all the same: an event in doubtful order is better than none.
    func locked<Value, Failure: Error>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value {
        let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return try body() }
        defer { close(descriptor) }
        while flock(descriptor, LOCK_EX) != 0 && errno == EINTR {}
        return try body()
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

/// The trail cannot be written; what the system said.
struct AuditFailure: Error, Equatable {
    /// An `errno`.
    let code: Int32
}
