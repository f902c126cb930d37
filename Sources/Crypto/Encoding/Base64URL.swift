/// RFC 4648 §5 without padding, as JOSE wants it; strict: each byte string has exactly one spelling (T06).
package enum Base64URL {
    /// The text of `bytes`.
    package static func encode(_ bytes: some Collection<UInt8>) -> String {
        String(decoding: Base64Alphabet.url.encode(Array(bytes)), as: UTF8.self)
    }

    /// The bytes of `text`; nil for padding, white space, other alphabets and non-zero trailing bits.
    package static func decode(_ text: some Collection<UInt8>) -> [UInt8]? { Base64Alphabet.url.decode(Array(text)) }

    /// The bytes of `text`.
    package static func decode(_ text: String) -> [UInt8]? { decode(text.utf8) }
}

/// RFC 4648 §4 with its padding; strict in the same way.
package enum Base64 {
    /// The text of `bytes`, padded.
    package static func encode(_ bytes: some Collection<UInt8>) -> String {
        var text = Base64Alphabet.standard.encode(Array(bytes))
        while text.count % 4 != 0 { text.append(UInt8(ascii: "=")) }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes of `text`, whose padding must be right.
    package static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        var text = Array(text)
        guard text.count % 4 == 0 else { return nil }
        var padding = 0
        while padding < 2, text.last == UInt8(ascii: "=") {
            text.removeLast()
            padding += 1
        }
        guard (4 - text.count % 4) % 4 == padding else { return nil }
        return Base64Alphabet.standard.decode(text)
    }

    /// The bytes of `text`.
    package static func decode(_ text: String) -> [UInt8]? { decode(text.utf8) }
}

/// The 64 symbols of RFC 4648 and the two directions, without padding.
struct Base64Alphabet {
    static let url = Base64Alphabet("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    static let standard = Base64Alphabet("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")

    private let symbols: [UInt8]
    private let values: [UInt8]

    private init(_ text: String) {
        symbols = Array(text.utf8)
        var values = [UInt8](repeating: 0xFF, count: 256)
        for (value, symbol) in symbols.enumerated() { values[Int(symbol)] = UInt8(value) }
        self.values = values
    }

    // Arrays, not any collection: a generic loop over another module's type costs ten times as much.
    func encode(_ bytes: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count * 4 + 2) / 3)
        var accumulator: UInt32 = 0
        var bits: UInt32 = 0
        for byte in bytes {
            accumulator = accumulator << 8 | UInt32(byte)
            bits &+= 8
            while bits >= 6 {
                bits &-= 6
                text.append(symbols[Int(accumulator >> bits & 63)])
            }
        }
        if bits > 0 { text.append(symbols[Int(accumulator << (6 &- bits) & 63)]) }
        return text
    }

    func decode(_ text: [UInt8]) -> [UInt8]? {
        guard text.count % 4 != 1 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count * 3 / 4)
        var accumulator: UInt32 = 0
        var bits: UInt32 = 0
        for symbol in text {
            let value = values[Int(symbol)]
            guard value < 64 else { return nil }
            accumulator = accumulator << 6 | UInt32(value)
            bits &+= 6
            if bits >= 8 {
                bits &-= 8
                bytes.append(UInt8(truncatingIfNeeded: accumulator >> bits))
            }
        }
        // Bits that encode nothing must be zero, or one byte string would have several spellings.
        guard accumulator & (1 << bits &- 1) == 0 else { return nil }
        return bytes
    }
}
