import Glibc
import Synchronization
import Telemetry

/// Standard output and error of the commands that talk to a person.
enum Console {
    /// Whether something that was meant for standard output got lost, other than by a reader that wanted no more.
    static var hasLostOutput: Bool { lostOutput.load(ordering: .relaxed) }
    private static let lostOutput = Atomic<Bool>(false)

    /// Writes a line to standard output.
    static func say(_ text: String) {
        write(text, to: STDOUT_FILENO)
    }

    /// Writes a line to standard error.
    static func complain(_ text: String) {
        write(text, to: STDERR_FILENO)
    }

    /// Writes what a remote server said to standard output: as it is for a program that reads it, and made harmless for a
    /// terminal, which would obey it (O01).
    static func relay(_ text: String) {
        say(isatty(STDOUT_FILENO) == 1 ? LogText.readable(text) : text)
    }

    /// Whether a person reads standard error.
    static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Whether a person types standard input.
    static var isInputTerminal: Bool { isatty(STDIN_FILENO) == 1 }

    /// The first line of standard input, at most `limit` bytes; nil when there is more or it is not text.
    static func readLine(limit: Int) -> String? {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while line.count <= limit {
            let count = unsafe read(STDIN_FILENO, &byte, 1)
            if count < 0, errno == EINTR { continue }
            guard count > 0, byte != UInt8(ascii: "\n") else {
                if line.last == UInt8(ascii: "\r") { line.removeLast() }
                return String(validating: line, as: UTF8.self)
            }
            line.append(byte)
        }
        return nil
    }

    /// Reads a line that is not shown while it is typed.
    static func readHidden(prompt: String, limit: Int) -> String? {
        writeRaw(prompt, to: STDERR_FILENO)
        var settings = termios()
        let isSet = unsafe tcgetattr(STDIN_FILENO, &settings) == 0
        if isSet {
            var hidden = settings
            hidden.c_lflag &= ~tcflag_t(ECHO)
            _ = unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden)
        }
        defer {
            if isSet { _ = unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings) }
            writeRaw("\n", to: STDERR_FILENO)
        }
        return readLine(limit: limit)
    }

    private static func write(_ text: String, to descriptor: Int32) {
        writeRaw(text + "\n", to: descriptor)
    }

    private static func writeRaw(_ text: String, to descriptor: Int32) {
        let bytes = Array(text.utf8)
        var start = 0
        while start < bytes.count {
            let count = unsafe bytes[start...].withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                // A pipe that nobody reads any more: nobody misses the rest.
                if descriptor == STDOUT_FILENO, errno != EPIPE { lostOutput.store(true, ordering: .relaxed) }
                return
            }
            start += count
        }
    }
}
