/// Names one request in every log line that it causes: 96 random bits in hexadecimal.
package struct RequestID: Sendable, Hashable, CustomStringConvertible {
    package let value: String

    /// A new name. It identifies, it does not protect, so the system's ordinary generator serves.
    package init() {
        var generator = SystemRandomNumberGenerator()
        let high = generator.next()
        let low = UInt32(truncatingIfNeeded: generator.next())
        value = Self.hexadecimal(high, digits: 16) + Self.hexadecimal(UInt64(low), digits: 8)
    }

    package var description: String { value }

    private static func hexadecimal(_ number: UInt64, digits: Int) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: digits - text.utf8.count) + text
    }
}
