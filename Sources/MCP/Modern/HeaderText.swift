import Crypto

/// The text of `Mcp-Name` and `Mcp-Param-*` (2026-07-28, Streamable HTTP, "Value Encoding"): as it is where it is plain,
/// else Base64 between markers.
package enum HeaderText {
    private static let prefix = Array("=?base64?".utf8)
    private static let suffix = Array("?=".utf8)

    /// The header value that stands for `value`.
    package static func encode(_ value: some Collection<UInt8>) -> String {
        let bytes = Array(value)
        guard !isPlain(bytes) || isWrapped(bytes[...]) else { return String(decoding: bytes, as: UTF8.self) }
        return "=?base64?\(Base64.encode(bytes))?="
    }

    /// The value that a header stands for; nil where the markers are there and what is between them is no Base64 (c12).
    package static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard isWrapped(text) else { return Array(text) }
        return Base64.decode(String(decoding: text.dropFirst(prefix.count).dropLast(suffix.count), as: UTF8.self))
    }

    private static func isWrapped(_ text: ArraySlice<UInt8>) -> Bool {
        text.count >= prefix.count + suffix.count && text.starts(with: prefix)
            && text.suffix(suffix.count).elementsEqual(suffix)
    }

    /// Visible ASCII with blanks inside: a blank at an end would be lost on the way.
    private static func isPlain(_ bytes: [UInt8]) -> Bool {
        guard let first = bytes.first, let last = bytes.last else { return true }
        let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
        guard !isBlank(first), !isBlank(last) else { return false }
        return bytes.allSatisfy { (0x20...0x7E).contains($0) || $0 == 0x09 }
    }
}
