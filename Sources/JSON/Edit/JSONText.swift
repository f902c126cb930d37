/// Writes JSON text.
package enum JSONText {
    private static let hexadecimal: [UInt8] = Array("0123456789abcdef".utf8)

    /// `string` as a JSON string, quotes included.
    package static func quoted(_ string: String) -> [UInt8] {
        var text: [UInt8] = []
        appendQuoted(string, to: &text)
        return text
    }

    /// Appends JSON text of ours.
    package static func append(_ literal: StaticString, to text: inout [UInt8]) {
        literal.withUTF8Buffer { unsafe text.append(contentsOf: $0) }
    }

    /// Appends `string` as a JSON string, quotes included.
    package static func appendQuoted(_ string: String, to text: inout [UInt8]) {
        text.append(UInt8(ascii: "\""))
        if isPlain(string.utf8.span) {
            text.append(contentsOf: string.utf8)
        } else {
            appendEscaped(string, to: &text)
        }
        text.append(UInt8(ascii: "\""))
    }

    /// Whether nothing must be escaped, as nearly always.
    private static func isPlain(_ bytes: Span<UInt8>) -> Bool {
        if isPlainASCII(bytes) { return true }
        for position in bytes.indices {
            let byte = bytes[position]
            if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte == 0x7F { return false }
        }
        return true
    }

    /// Whether all of it is printable ASCII that stands in a JSON string as it is.
    package static func isPlainASCII(_ bytes: Span<UInt8>) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        var index = 0
        let raw = unsafe bytes.bytes
        while index &+ 8 <= bytes.count {
            // In bounds by the condition of the loop.
            let word = unsafe UInt64(littleEndian: raw.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
            // The top bit of a byte is set where it is below 0x20, a quote, a backslash or above 0x7E. Carries and borrows
            // cross bytes only where there is something to find anyway.
            let quotes = (word ^ (ones &* 0x22)) &- ones
            let backslashes = (word ^ (ones &* 0x5C)) &- ones
            let found = (word &- ones &* 0x20) | quotes | backslashes | word | (word &+ ones)
            if found & 0x8080_8080_8080_8080 != 0 { return false }
            index &+= 8
        }
        while index < bytes.count {
            let byte = bytes[index]
            if byte < 0x20 || byte >= 0x7F || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return false }
            index &+= 1
        }
        return true
    }

    private static func appendEscaped(_ string: String, to text: inout [UInt8]) {
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""): text.append(contentsOf: [UInt8(ascii: "\\"), byte])
            case UInt8(ascii: "\\"): text.append(contentsOf: [UInt8(ascii: "\\"), byte])
            case 0x0A: text.append(contentsOf: "\\n".utf8)
            case 0x0D: text.append(contentsOf: "\\r".utf8)
            case 0x09: text.append(contentsOf: "\\t".utf8)
            case 0..<0x20, 0x7F:
                text.append(contentsOf: "\\u00".utf8)
                text.append(hexadecimal[Int(byte >> 4)])
                text.append(hexadecimal[Int(byte & 15)])
            default: text.append(byte)
            }
        }
    }

    /// The text of `node` without the white space between its tokens, so that it fits on one line.
    package static func compacted(_ node: JSONNode) -> [UInt8] { compacted(node.bytes) }

    /// The text of `document` without the white space between its tokens.
    package static func compacted(_ document: JSONDocument) -> [UInt8] { compacted(document.bytes[...]) }

    /// Removes white space outside strings from a text that is known to be JSON.
    package static func compacted(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var compact: [UInt8] = []
        compact.reserveCapacity(text.count)
        var inString = false
        var escaped = false
        for byte in text {
            if inString {
                compact.append(byte)
                if escaped {
                    escaped = false
                } else if byte == UInt8(ascii: "\\") {
                    escaped = true
                } else if byte == UInt8(ascii: "\"") {
                    inString = false
                }
            } else {
                switch byte {
                case 0x20, 0x0A, 0x0D, 0x09: continue
                default: compact.append(byte)
                }
                inString = byte == UInt8(ascii: "\"")
            }
        }
        return compact
    }

    /// Whether a JSON text spans lines. Inside strings a line end is always escaped, so this is white space.
    package static func containsNewline(_ text: some Sequence<UInt8>) -> Bool {
        text.contains { $0 == 0x0A || $0 == 0x0D }
    }
}
