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
    package var value: String {
        var text: [UInt8] = []
        append(to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    package var description: String { value }

    /// Appends ``value``.
    package func append(to text: inout [UInt8]) {
        text.append(addingCapacity: 24) { digits in
            for position in 0..<24 {
                let nibble =
                    position < 16
                    ? UInt8(truncatingIfNeeded: high >> UInt64(60 - 4 * position)) & 15
                    : UInt8(truncatingIfNeeded: low >> UInt32(92 - 4 * position)) & 15
                digits.append(nibble < 10 ? 0x30 + nibble : 0x57 + nibble)
            }
        }
    }
}
