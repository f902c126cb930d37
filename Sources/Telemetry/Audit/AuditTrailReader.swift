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

    /// Calls `body` with each complete line of these days, the newest first, until it says false or there are no more. Returns
    /// where the whole trail ended when this began: who goes on from there misses nothing.
    package func readBackwards(in wanted: ClosedRange<String>, _ body: (ArraySlice<UInt8>) -> Bool) -> Position {
        let days = days()
        guard let newest = days.last else { return Position(day: wanted.lowerBound) }
        let end = Position(day: newest, offset: completeLength(of: newest))
        for day in days.reversed() where wanted.contains(day) {
            let length = day == newest ? end.offset : completeLength(of: day)
            if !readBackwards(day, from: length, body) { break }
        }
        return end
    }

    /// Bytes of a day up to the end of its last complete line.
    private func completeLength(of day: String) -> Int {
        let descriptor = unsafe open(folder.file(day), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return 0 }
        defer { close(descriptor) }
        var end = AuditFolder.size(of: descriptor)
        while end > 0 {
            let start = max(0, end - Self.chunk)
            let bytes = AuditFolder.read(descriptor, from: start, to: end)
            if let newline = bytes.lastIndex(of: UInt8(ascii: "\n")) { return start + newline + 1 }
            end = start
        }
        return 0
    }

    /// `end` is behind the end of a line. False where `body` wants no more.
    private func readBackwards(_ day: String, from end: Int, _ body: (ArraySlice<UInt8>) -> Bool) -> Bool {
        let descriptor = unsafe open(folder.file(day), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return true }
        defer { close(descriptor) }
        // What is read and not handed on: the end of a line whose beginning is further ahead, without its newline.
        var pending: [UInt8] = []
        var isTooLong = false
        var position = end - 1
        while position > 0 {
            let start = max(0, position - Self.chunk)
            let bytes = AuditFolder.read(descriptor, from: start, to: position)
            // Somebody cut it off meanwhile.
            guard bytes.count == position - start else { return true }
            position = start
            pending = bytes + pending
            while let newline = pending.lastIndex(of: UInt8(ascii: "\n")) {
                let line = pending[(newline + 1)...]
                if !isTooLong, line.count <= Self.maximumLine, !body(line) { return false }
                isTooLong = false
                pending.removeLast(pending.count - newline)
            }
            if pending.count > Self.maximumLine {
                // Nobody of ours wrote that.
                isTooLong = true
                pending.removeAll()
            }
        }
        return end <= 0 || isTooLong || pending.count > Self.maximumLine || body(pending[...])
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
