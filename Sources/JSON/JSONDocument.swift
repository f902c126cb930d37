/// A text that is JSON, with an index over it: nothing is converted, nothing is lost.
///
/// One pass at construction proves the whole text against RFC 8259 (strict UTF-8, no byte order mark, no duplicate
/// keys at any depth, no half surrogate pairs) and the limits. Reading afterwards cannot fail.
package struct JSONDocument: Sendable {
    // One reference, not two: a node is a document and a place, and nodes are copied all the time.
    private final class Content: Sendable {
        let bytes: [UInt8]
        let tape: [TapeEntry]

        init(_ bytes: [UInt8], _ tape: [TapeEntry]) {
            self.bytes = bytes
            self.tape = tape
        }
    }

    private let content: Content

    /// The text as it came, byte for byte.
    package var bytes: [UInt8] { content.bytes }
    var tape: [TapeEntry] { content.tape }

    /// Scans `bytes`. Throws where the text stops being JSON or exceeds `limits`.
    package init(parsing bytes: [UInt8], limits: JSONLimits = .standard) throws(JSONSyntaxError) {
        content = Content(bytes, try Scanner.scan(bytes, limits: limits))
    }

    /// The outermost value.
    package var root: JSONNode { JSONNode(document: self, index: 0) }

    /// Where a value stands: for those that keep several of one document, and one reference to it.
    package struct Place: Sendable {
        let index: Int
    }

    /// The value at a place of this document.
    package subscript(place: Place) -> JSONNode { JSONNode(document: self, index: place.index) }
}
