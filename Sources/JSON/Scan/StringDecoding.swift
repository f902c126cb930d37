/// Turns the text between two quotes into the bytes it means. The scanner has proven the escapes.
enum StringDecoding {
    /// The UTF-16 unit written as four hexadecimal digits at `position`, or nil where they do not stand.
    static func unit(at position: Int, in text: Span<UInt8>) -> UInt16? {
        guard position &+ 4 <= text.count else { return nil }
        var unit: UInt16 = 0
        for index in position..<(position &+ 4) {
            let byte = text[index]
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte &- 0x30
            case 0x41...0x46: digit = byte &- 0x37
            case 0x61...0x66: digit = byte &- 0x57
            default: return nil
            }
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }

    /// The decoded UTF-8 of the string whose text, quotes included, is `range`.
    static func decode(_ range: Range<Int>, in text: Span<UInt8>) -> [UInt8] {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(range.count)
        var index = range.lowerBound &+ 1
        let end = range.upperBound &- 1
        while index < end {
            let byte = text[index]
            guard byte == UInt8(ascii: "\\") else {
                decoded.append(byte)
                index &+= 1
                continue
            }
            index &+= append(escapeAt: index, in: text, to: &decoded)
        }
        return decoded
    }

    /// Appends what the escape at `index` means; answers how many bytes of text it took.
    private static func append(escapeAt index: Int, in text: Span<UInt8>, to decoded: inout [UInt8]) -> Int {
        switch text[index &+ 1] {
        case UInt8(ascii: "b"): decoded.append(0x08)
        case UInt8(ascii: "f"): decoded.append(0x0C)
        case UInt8(ascii: "n"): decoded.append(0x0A)
        case UInt8(ascii: "r"): decoded.append(0x0D)
        case UInt8(ascii: "t"): decoded.append(0x09)
        case UInt8(ascii: "u"):
            let high = unit(at: index &+ 2, in: text) ?? 0xFFFD
            if high & 0xFC00 == 0xD800, let low = unit(at: index &+ 8, in: text) {
                append(0x10000 &+ (UInt32(high & 0x3FF) << 10 | UInt32(low & 0x3FF)), to: &decoded)
                return 12
            }
            append(UInt32(high), to: &decoded)
            return 6
        case let byte: decoded.append(byte)
        }
        return 2
    }

    private static func append(_ scalar: UInt32, to decoded: inout [UInt8]) {
        guard let scalar = Unicode.Scalar(scalar) else { return }
        decoded.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }
}
