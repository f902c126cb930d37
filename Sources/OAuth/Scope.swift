/// A set of scope tokens (RFC 6749 §3.3).
package struct Scope: Sendable, Hashable, CustomStringConvertible {
    /// The tokens in the order of first appearance.
    package let tokens: [String]

    /// Wraps tokens that are known to be well-formed.
    package init(tokens: [String]) {
        var seen = Set<String>()
        self.tokens = tokens.filter { seen.insert($0).inserted }
    }

    /// The tokens, separated by spaces.
    package var description: String { tokens.joined(separator: " ") }
}
