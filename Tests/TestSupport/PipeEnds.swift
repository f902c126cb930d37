import Foundation
import Glibc
import Synchronization

/// A pipe that no program inherits unless it is given an end; reads and writes block.
package final class PipeEnds: Sendable {
    package let reading: Int32
    package let writing: Int32
    private let open: Mutex<Set<Int32>>

    package init() throws {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EMFILE) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (reading, writing) = (ends[0], ends[1])
        open = Mutex([ends[0], ends[1]])
    }

    deinit {
        closeReading()
        closeWriting()
    }

    package func closeReading() { close(reading) }

    /// From here on the reader sees the end.
    package func closeWriting() { close(writing) }

    /// What is there, at least one byte; empty at the end.
    package func read() throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = unsafe Glibc.read(reading, &buffer, buffer.count)
        guard count >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        return Array(buffer.prefix(count))
    }

    /// Writes all of `bytes`, as fast as the reader reads.
    package func write(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(writing, $0.baseAddress, $0.count) }
            guard count > 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
            rest = rest.dropFirst(count)
        }
    }

    private func close(_ end: Int32) {
        guard open.withLock({ $0.remove(end) }) != nil else { return }
        Glibc.close(end)
    }
}
