import Glibc

/// Reads the audit trail that ``FileAuditLog`` writes: lines, in the order in which they were written.
///
/// Blocking. It takes no lock: a line that is still being written is not there yet.
package struct AuditTrailReader {
    /// Where a reader stands: everything before has been read.
    package struct Position: Sendable, Hashable {
        /// The day, like `2026-11-21`.
        package var day: String
        /// Bytes of that day.
        package var offset: Int

        package init(day: String, offset: Int = 0) {
            self.day = day
            self.offset = offset
        }
    }

    /// Longest line that is looked at; the writer bounds what it writes far below.
    private static let maximumLine = 256 * 1024
    private static let chunk = 256 * 1024

    private let folder: AuditFolder

    /// Reads the files of `folder`, which may be missing.
    package init(folder: String) {
        self.folder = AuditFolder(path: folder)
    }

    /// The days that there are, oldest first.
    package func days() -> [String] { folder.days() }

    /// Calls `body` with each complete line from `position` on, days after it included; returns where it stands then.
    package func read(from position: Position, _ body: (ArraySlice<UInt8>) throws -> Void) rethrows -> Position {
        var position = position
        for day in days() where day >= position.day {
            if day > position.day { position = Position(day: day) }
            position.offset = try read(day, from: position.offset, body)
        }
        return position
    }

    private func read(_ day: String, from start: Int, _ body: (ArraySlice<UInt8>) throws -> Void) rethrows -> Int {
        let descriptor = unsafe open(folder.file(day), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return start }
        defer { close(descriptor) }
        var offset = start
        var pending: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: Self.chunk)
        while true {
            let at = offset + pending.count
            let count = unsafe buffer.withUnsafeMutableBytes {
                unsafe pread(descriptor, $0.baseAddress, $0.count, off_t(at))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return offset }
            pending.append(contentsOf: buffer[..<count])
            var lineStart = 0
            while let end = pending[lineStart...].firstIndex(of: UInt8(ascii: "\n")) {
                if end - lineStart <= Self.maximumLine { try body(pending[lineStart..<end]) }
                lineStart = end + 1
            }
            offset += lineStart
            pending.removeFirst(lineStart)
            if pending.count > Self.maximumLine {
                // Nobody of ours wrote that; its end, when it comes, is skipped as a line of its own.
                offset += pending.count
                pending.removeAll()
            }
        }
    }
}
