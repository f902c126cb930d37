/// A name that travels through OAuth messages and stores, compared as bytes: `String ==` folds canonically equivalent
/// Unicode, so two different clients could compare equal.
package protocol OAuthIdentifier: Sendable, Hashable, CustomStringConvertible {
    /// The text as it travels.
    var value: String { get }
    /// Wraps a text.
    init(_ value: String)
}

extension OAuthIdentifier {
    package static func == (left: Self, right: Self) -> Bool {
        left.value.utf8.elementsEqual(right.value.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        // Equal bytes hash alike as a String; that canonically equivalent texts do too is only a collision.
        hasher.combine(value)
    }

    package var description: String { value }
}

/// `client_id` (RFC 6749 §2.2).
package struct ClientID: OAuthIdentifier {
    package let value: String
    package init(_ value: String) { self.value = value }
}

/// A user as we know them: `sub` of our tokens.
package struct UserID: OAuthIdentifier {
    package let value: String
    package init(_ value: String) { self.value = value }
}

/// One consent of one user to one client: the family of every token that came of it.
package struct GrantID: OAuthIdentifier {
    package let value: String
    package init(_ value: String) { self.value = value }
}

/// `jti` of an access token (RFC 9068 §2.2).
package struct TokenID: OAuthIdentifier {
    package let value: String
    package init(_ value: String) { self.value = value }
}
