import CLibUV
import Glibc

/// Why input or output failed.
package enum IOError: Error, Hashable, Sendable {
    /// The stream was closed on our side.
    case closed
    /// The task was cancelled while it waited.
    case cancelled
    /// A deadline passed.
    case timedOut
    /// The peer does not read any more (EPIPE).
    case brokenPipe
    /// The peer reset the connection.
    case connectionReset
    /// A bounded queue is full.
    case overloaded
    /// Another error of the system, by its `errno`.
    case system(code: Int32)

    /// From an `errno` or, negative, from a result of libuv.
    package init(code: Int32) {
        switch abs(code) {
        case EPIPE: self = .brokenPipe
        case ECONNRESET, ECONNABORTED: self = .connectionReset
        case ETIMEDOUT: self = .timedOut
        case ECANCELED: self = .closed
        default: self = .system(code: abs(code))
        }
    }

    /// The current `errno`: call it on the line after the failure.
    static var last: IOError { IOError(code: errno) }

    /// The `errno`, where it was one.
    var code: Int32 {
        if case .system(let code) = self { return code }
        return EIO
    }
}

extension IOError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .closed: "closed"
        case .cancelled: "cancelled"
        case .timedOut: "timed out"
        case .brokenPipe: "broken pipe"
        case .connectionReset: "connection reset by peer"
        case .overloaded: "too much work is queued"
        case .system(let code): errorText(code)
        }
    }
}

/// The system's words for an `errno`.
func errorText(_ code: Int32) -> String {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
        guard let start = buffer.baseAddress, unsafe strerror_r(code, start, buffer.count) == 0 else {
            return "error \(code)"
        }
        return unsafe String(cString: start)
    }
}
