/// A set of scope tokens (RFC 6749 §3.3), in the order of first appearance.
package struct Scope: Sendable, Hashable, CustomStringConvertible {
    /// The tokens, each once.
    package let tokens: [String]

    /// Most tokens that a peer may send at once.
    private static let maximumTokens = 100

    /// Wraps tokens that are known to be well-formed.
    package init(tokens: [String]) {
        var seen = Set<String>()
        self.tokens = tokens.filter { seen.insert($0).inserted }
    }

    /// Reads `scope = scope-token *( SP scope-token )`; anything else is `invalid_scope`.
    package init(parsing text: String) throws(OAuthError) {
        let parts = text.utf8.split(separator: 0x20, omittingEmptySubsequences: false)
        guard parts.count <= Self.maximumTokens else { throw OAuthError(.invalidScope, "too many scope tokens") }
        guard parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy(Self.isTokenByte) }) else {
            throw OAuthError(.invalidScope, "scope is not a list of scope tokens separated by single spaces")
        }
        self.init(tokens: parts.map { String($0) ?? "" })
    }

    // NQCHAR: the tokens are ASCII, so canonical equivalence cannot fold two of them into one.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        byte == 0x21 || (0x23...0x5B).contains(byte) || (0x5D...0x7E).contains(byte)
    }

    package var isEmpty: Bool { tokens.isEmpty }

    /// Whether every token of `other` is one of these.
    package func contains(_ other: Scope) -> Bool { other.tokens.allSatisfy(tokens.contains) }

    /// Whether `token` is one of these.
    package func contains(_ token: String) -> Bool { tokens.contains(token) }

    /// The tokens, separated by spaces.
    package var description: String { tokens.joined(separator: " ") }

    // A set: order does not make two scopes different.
    package static func == (left: Scope, right: Scope) -> Bool {
        left.tokens.count == right.tokens.count && left.contains(right)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(Set(tokens))
    }
}
