import CLibUV
import Glibc

/// A descriptor of the system, closed exactly once, never inherited by children.
package struct FileDescriptor: ~Copyable, Sendable {
    /// The number; it stays valid while this value lives.
    package let rawValue: Int32

    /// Takes over an open descriptor.
    package init(owning rawValue: Int32) {
        self.rawValue = rawValue
    }

    deinit {
        // On Linux the number is free again even when close reports EINTR; trying again could close another's.
        if rawValue >= 0 { _ = Glibc.close(rawValue) }
    }

    /// Gives the number away: the receiver closes it.
    package consuming func release() -> Int32 {
        let number = rawValue
        discard self
        return number
    }

    /// The same file under a number of at least `lowest`.
    func duplicate(lowest: Int32) throws(IOError) -> FileDescriptor {
        let copy = sp_duplicate_cloexec(rawValue, lowest)
        guard copy >= 0 else { throw .last }
        return FileDescriptor(owning: copy)
    }

    /// Writes all bytes; blocks.
    func writeAll(_ bytes: [UInt8]) throws(IOError) {
        var offset = 0
        while offset < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { raw in
                unsafe Glibc.write(rawValue, raw.baseAddress?.advanced(by: offset), raw.count - offset)
            }
            if count < 0 {
                let code = errno
                if code == EINTR { continue }
                throw IOError(code: code)
            }
            offset += count
        }
    }

    /// Reads up to the end, at most `maximum` bytes; nil when there are more. Blocks.
    func readAll(maximum: Int) throws(IOError) -> [UInt8]? {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe Glibc.read(rawValue, $0.baseAddress, $0.count) }
            if count < 0 {
                let code = errno
                if code == EINTR { continue }
                throw IOError(code: code)
            }
            if count == 0 { return bytes }
            if bytes.count + count > maximum { return nil }
            bytes += chunk[..<count]
        }
    }
}

extension FileDescriptor {
    /// The two ends of a pipe or socket pair, close-on-exec.
    struct Pair: ~Copyable {
        /// Of a pipe the end to read from.
        let first: FileDescriptor
        /// Of a pipe the end to write to.
        let second: FileDescriptor

        static func pipe() throws(IOError) -> Pair {
            try unsafe make { unsafe sp_pipe2($0) }
        }

        /// Connected unix sockets, of a stream or of datagrams in order.
        static func sockets(ofDatagrams: Bool = false) throws(IOError) -> Pair {
            let kind = ofDatagrams ? SOCK_SEQPACKET : SOCK_STREAM
            let type = Int32(kind.rawValue | SOCK_CLOEXEC.rawValue)
            return try unsafe make { unsafe socketpair(AF_UNIX, type, 0, $0) }
        }

        private static func make(_ call: (UnsafeMutablePointer<Int32>) -> Int32) throws(IOError) -> Pair {
            var ends: [Int32] = [-1, -1]
            let result = unsafe ends.withUnsafeMutableBufferPointer { buffer in
                unsafe buffer.baseAddress.map { unsafe call($0) } ?? -1
            }
            guard result == 0 else { throw .last }
            return Pair(first: FileDescriptor(owning: ends[0]), second: FileDescriptor(owning: ends[1]))
        }

        /// Gives the first end away and closes the second.
        consuming func takeFirst() -> Int32 {
            first.release()
        }

        /// Gives the second end away and closes the first.
        consuming func takeSecond() -> Int32 {
            second.release()
        }
    }
}
