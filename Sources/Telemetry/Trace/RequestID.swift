/// Names one request in every log line that it causes: 96 bits in hexadecimal.
///
/// Two words, so that making one costs nothing; the text is made when a line is written.
package struct RequestID: Sendable, Hashable, CustomStringConvertible {
    private let high: UInt64
    private let low: UInt32

    /// A new name. It identifies, it does not protect, so the system's ordinary generator serves.
    package init() {
        var generator = SystemRandomNumberGenerator()
        self.init(high: generator.next(), low: UInt32(truncatingIfNeeded: generator.next()))
    }

    /// The name of the request `low` on the connection `high`: random bits once a connection, then counting.
    package init(high: UInt64, low: UInt32) {
        self.high = high
        self.low = low
    }

    /// The text.
    package var value: String { Self.hexadecimal(high, digits: 16) + Self.hexadecimal(UInt64(low), digits: 8) }

    package var description: String { value }

    private static func hexadecimal(_ number: UInt64, digits: Int) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: digits - text.utf8.count) + text
    }
}
