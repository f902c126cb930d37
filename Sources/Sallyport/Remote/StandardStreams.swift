import AsyncIO
import Glibc
import MCP

/// Standard input as lines. Reading blocks, so it happens off the loop; what nobody takes is not read.
struct StandardInput: ~Copyable {
    private var framer = LineFramer(maximumBytes: 16 << 20)

    /// The next lines; nil at the end of the input.
    mutating func next() async -> [LineFramer.Line]? {
        let bytes = try? await BlockingExecutor.shared.run { Self.read() }
        guard let bytes, !bytes.isEmpty else { return nil }
        return framer.feed(bytes)
    }

    private static func read() -> [UInt8] {
        while true {
            var failed = false
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
                let result = unsafe Glibc.read(STDIN_FILENO, buffer.baseAddress, buffer.count)
                failed = result < 0 && errno == EINTR
                count = max(0, result)
            }
            if !failed { return bytes }
        }
    }
}

/// Standard output as lines, in the order given. Whoever writes waits until the reader has taken what came before.
actor StandardOutput {
    private var isWriting = false
    private var waiting: [CheckedContinuation<Void, Never>] = []
    /// Whether somebody still reads.
    private(set) var isOpen = true

    /// Writes one line.
    func write(_ line: [UInt8]) async {
        await withCheckedContinuation { continuation in
            guard isWriting else {
                isWriting = true
                return continuation.resume()
            }
            waiting.append(continuation)
        }
        if isOpen { isOpen = (try? await BlockingExecutor.shared.run { Self.writeAll(line + [0x0A]) }) ?? false }
        if waiting.isEmpty {
            isWriting = false
        } else {
            // The next in line goes on as the one who writes.
            waiting.removeFirst().resume()
        }
    }

    private static func writeAll(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
