package import JSON

/// The id of a request, as its exact JSON text: `1`, `"1"`, `1.0` and 2⁵³+1 stay four different ids (JSON-RPC 2.0 §4).
public struct JSONRPCID: Sendable, Hashable {
    /// Longest text that is kept for the way back.
    package static let maximumBytes = 1024

    /// JSON text of a string or a number.
    package let text: [UInt8]

    /// Wraps text that is known to be a JSON string or number.
    package init(text: [UInt8]) {
        self.text = text
    }

    /// Nil where the value can be no id: MCP allows strings and numbers, never null.
    package init?(_ node: JSONNode) {
        guard node.kind == .string || node.kind == .number, node.range.count <= Self.maximumBytes else { return nil }
        text = Array(node.bytes)
    }

    /// An id of our own.
    package init(number: Int) {
        text = DecimalText.bytes(number)
    }
}

/// Decimal digits without a `String` in between.
package enum DecimalText {
    /// The digits of a number that is not negative.
    package static func bytes(_ number: Int) -> [UInt8] {
        var text: [UInt8] = []
        append(number, to: &text)
        return text
    }

    /// Appends the digits of a number that is not negative.
    package static func append(_ number: Int, to text: inout [UInt8]) {
        guard number > 0 else {
            text.append(UInt8(ascii: "0"))
            return
        }
        let start = text.count
        var rest = number
        while rest > 0 {
            text.append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        }
        text[start...].reverse()
    }
}
