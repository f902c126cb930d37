import Glibc

/// Appends to the audit trail, and seals what it appends. Blocking; used by one thread.
struct AuditTrailWriter {
    private let folder: AuditFolder
    private let digest: AuditSeal.Digest
    // Where the last write ended; another process may have written since, which the size shows.
    private var day = ""
    private var size = 0
    private var seal = AuditSeal.genesis

    init(folder: AuditFolder, digest: @escaping AuditSeal.Digest) {
        self.folder = folder
        self.digest = digest
    }

    /// Appends whole lines of events that begin at `time`, to the file of that day, or of the day after it when that has
    /// begun for somebody else. All of them or none, as far as the disk lets anybody take back half a write.
    mutating func append(_ lines: [UInt8], at time: Timestamp) throws(AuditFailure) {
        // After a failure, the next one looks for itself where the chain stands.
        let known = day
        day = ""
        let folder = folder
        day = try folder.locked { () throws(AuditFailure) in try appendLocked(lines, at: time, known: known) }
    }

    private mutating func appendLocked(
        _ lines: [UInt8], at time: Timestamp, known: String
    ) throws(AuditFailure) -> String {
        guard let days = folder.listing() else { throw AuditFailure(code: errno) }
        let day = Self.day(of: time, among: days)
        let descriptor = unsafe open(folder.file(day), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw AuditFailure(code: errno) }
        defer { close(descriptor) }
        let start = AuditFolder.size(of: descriptor)
        var unsealed: [UInt8] = []
        var text: [UInt8] = []
        if start == 0 {
            let previous = try closing(before: day, among: days)
            seal = previous?.seal ?? .genesis
            AuditOpening.event(at: time, after: previous).append(to: &text, time: time.iso8601)
        } else if day != known || start != size {
            let end = try AuditFileEnd(descriptor, size: start)
            (seal, unsealed) = (end.seal, end.unsealed)
            // Half a line of somebody who was killed must not become the beginning of ours.
            if unsealed.last.map({ $0 != UInt8(ascii: "\n") }) == true { text.append(UInt8(ascii: "\n")) }
        }
        // The seal before, what it does not cover yet and what comes now, in one piece: the digest is of all of it.
        var chained: [UInt8] = []
        chained.reserveCapacity(seal.digits.count + unsealed.count + text.count + lines.count + 128)
        chained += seal.digits
        chained += unsealed
        let begin = chained.count
        chained += text
        chained += lines
        chained.removeLast("}\n".utf8.count)
        let next = AuditSeal(ofChained: chained, digest: digest)
        chained += next.lineEnd
        chained.append(UInt8(ascii: "\n"))
        try Self.write(chained[begin...], to: descriptor, at: start)
        size = start + chained.count - begin
        seal = next
        return day
    }

    private func closing(
        before day: String, among days: [String]
    ) throws(AuditFailure) -> (day: String, seal: AuditSeal)? {
        guard let previous = days.last(where: { $0 < day }) else { return nil }
        let descriptor = unsafe open(folder.file(previous), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw AuditFailure(code: errno) }
        defer { close(descriptor) }
        let end = try AuditFileEnd(descriptor, size: AuditFolder.size(of: descriptor))
        return (previous, end.closing(digest))
    }

    // Two processes do not pass midnight at the same instant, and a day that another one continued is closed. A file
    // further ahead is that of a clock which went wrong; nothing more goes there.
    private static func day(of time: Timestamp, among days: [String]) -> String {
        let day = CivilDate(time).dayText
        guard let newest = days.last, newest > day, newest <= CivilDate(time + .seconds(86_400)).dayText else {
            return day
        }
        return newest
    }

    /// Writes `text` at the end of the file, which is `start`. `pwrite`, which no socket knows: tests let it fail.
    private static func write(
        _ text: ArraySlice<UInt8>, to descriptor: Int32, at start: Int
    ) throws(AuditFailure) {
        var rest = text
        while !rest.isEmpty {
            let offset = off_t(start + text.count - rest.count)
            let count = unsafe rest.withUnsafeBytes { unsafe pwrite(descriptor, $0.baseAddress, $0.count, offset) }
            let error = errno
            if count < 0, error == EINTR { continue }
            guard count > 0 else {
                // What is there of it would be there twice. Where it cannot be taken back it stays, and is sealed with what follows.
                ftruncate(descriptor, off_t(start))
                throw AuditFailure(code: count < 0 ? error : EIO)
            }
            rest = rest.dropFirst(count)
        }
    }
}
