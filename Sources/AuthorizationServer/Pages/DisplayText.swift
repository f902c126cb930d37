/// Peer-supplied text made fit for a page: what a person reads is what there is (U03).
package enum DisplayText {
    /// The text without control, bidirectional, zero-width and private-use characters, whitespace collapsed, at most
    /// `limit` characters.
    package static func clean(_ text: String, limit: Int = 60) -> String {
        var result = ""
        var count = 0
        var pendingSpace = false
        for scalar in text.unicodeScalars where !isDeceptive(scalar) {
            if scalar.properties.isWhitespace {
                pendingSpace = count > 0
                continue
            }
            guard count < limit else { return result + "…" }
            if pendingSpace {
                result.unicodeScalars.append(" ")
                count += 1
                pendingSpace = false
            }
            result.unicodeScalars.append(scalar)
            count += 1
        }
        return result
    }

    private static func isDeceptive(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control: !scalar.properties.isWhitespace
        case .format, .privateUse, .surrogate, .unassigned: true
        default: false
        }
    }
}
