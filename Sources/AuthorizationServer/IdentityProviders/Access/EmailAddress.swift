/// An e-mail address that is compared with others (I05): one `@`, ASCII letters in lower case. Anything odd is none, and
/// matches nothing: a Kelvin sign that folds to `k`, a second `@`, a control character.
package struct EmailAddress: Sendable, Hashable {
    /// In lower case.
    package let text: String

    /// Nil for what is no plain address.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count <= 254, bytes.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
        let parts = bytes.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }) else { return nil }
        self.text = String(decoding: bytes.map(ASCIICase.lowered), as: UTF8.self)
    }
}

/// Case of ASCII letters alone: `String.lowercased` folds letters of other scripts into them.
package enum ASCIICase {
    /// The letter in lower case; every other byte as it is.
    static func lowered(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }

    /// The text with its ASCII letters in lower case.
    package static func lowered(_ text: String) -> String {
        String(decoding: text.utf8.map(lowered), as: UTF8.self)
    }
}
