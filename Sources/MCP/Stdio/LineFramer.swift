/// Cuts the output of a server into lines, in pieces of any size. Pure state.
package struct LineFramer: Sendable {
    /// What a newline completes.
    package enum Line: Sendable, Hashable {
        /// A line without its end; never empty.
        case complete([UInt8])
        /// A line longer than the limit: its bytes are gone (P04).
        case oversized
    }

    private let maximumBytes: Int
    private var partial: [UInt8] = []
    private var isSkipping = false

    package init(maximumBytes: Int = 8 << 20) {
        self.maximumBytes = maximumBytes
    }

    /// Bytes of a line that has not ended.
    package var pendingBytes: Int { partial.count }

    /// The lines that `bytes` complete. Empty lines are left out.
    package mutating func feed(_ bytes: [UInt8]) -> [Line] {
        var lines: [Line] = []
        var start = 0
        while start < bytes.count {
            guard let end = Self.newline(in: bytes, from: start) else {
                keep(bytes[start...], &lines)
                break
            }
            complete(bytes[start..<end], &lines)
            start = end + 1
        }
        return lines
    }

    static func newline(in bytes: [UInt8], from start: Int) -> Int? {
        var index = start
        while index < bytes.count {
            if bytes[index] == 0x0A { return index }
            index &+= 1
        }
        return nil
    }

    private mutating func keep(_ rest: ArraySlice<UInt8>, _ lines: inout [Line]) {
        if isSkipping { return }
        if partial.count + rest.count > maximumBytes {
            partial = []
            isSkipping = true
        } else {
            partial += rest
        }
    }

    private mutating func complete(_ end: ArraySlice<UInt8>, _ lines: inout [Line]) {
        if isSkipping {
            isSkipping = false
            lines.append(.oversized)
            return
        }
        guard partial.count + end.count <= maximumBytes else {
            partial = []
            lines.append(.oversized)
            return
        }
        var line: [UInt8]
        if partial.isEmpty {
            line = Array(end)
        } else {
            line = partial + end
            partial = []
        }
        if line.last == 0x0D { line.removeLast() }
        if !line.isEmpty { lines.append(.complete(line)) }
    }
}
