/// A text that is JSON, with an index over it: nothing is converted, nothing is lost.
///
/// One pass at construction proves the whole text against RFC 8259 (strict UTF-8, no byte order mark, no duplicate
/// keys at any depth, no half surrogate pairs) and the limits. Reading afterwards cannot fail.
package struct JSONDocument: Sendable {
    /// The text as it came, byte for byte.
    package let bytes: [UInt8]
    let tape: [TapeEntry]

    /// Scans `bytes`. Throws where the text stops being JSON or exceeds `limits`.
    package init(parsing bytes: [UInt8], limits: JSONLimits = .standard) throws(JSONSyntaxError) {
        self.tape = try Scanner.scan(bytes, limits: limits)
        self.bytes = bytes
    }

    /// The outermost value.
    package var root: JSONNode { JSONNode(document: self, index: 0) }
}
