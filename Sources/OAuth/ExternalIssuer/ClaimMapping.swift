import JSON

/// Which claims of another issuer say who acts. Each is a list of places of which the first that is there counts; a place
/// is a name, or names joined by dots that lead into objects (`realm_access.roles`).
package struct ClaimMapping: Sendable, Equatable {
    /// The user, unique at that issuer.
    package var user = ["sub"]
    /// For people.
    package var name = ["name", "preferred_username", "username"]
    /// E-mail; counts unless `email_verified` says otherwise.
    package var email = ["email"]
    /// Groups or roles.
    package var groups = ["groups"]
    /// Scopes: a text with blanks, or a list.
    package var scope = ["scope", "scp"]
    /// The client that uses the token.
    package var client = ["client_id", "azp", "cid"]
    /// What else the access policy looks at, each at the place that its name is.
    package var others: [String] = []

    /// The usual names.
    package init() {}

    /// The text at the first of these places that has one.
    static func text(_ places: [String], in claims: JSONNode) -> String? {
        places.lazy.compactMap { node($0, in: claims)?.string }.first { !$0.isEmpty }
    }

    /// The texts of a list, or the words of a text.
    static func texts(_ places: [String], in claims: JSONNode) -> [String] {
        guard let node = places.lazy.compactMap({ node($0, in: claims) }).first else { return [] }
        if let text = node.string { return text.split(separator: " ").map(String.init) }
        return node.elements.compactMap(\.string)
    }

    /// What the other claims say; those that are not there are left out.
    func others(in claims: JSONNode) -> [String: [String]] {
        var found: [String: [String]] = [:]
        for name in others {
            guard let node = Self.node(name, in: claims) else { continue }
            // A text is one value: nobody says that blanks divide it.
            found[name] = node.string.map { [$0] } ?? node.elements.compactMap(\.string)
        }
        return found
    }

    private static func node(_ place: String, in claims: JSONNode) -> JSONNode? {
        // Names with dots of their own exist: some issuers use URLs.
        if let exact = claims[place] { return exact }
        var node = claims
        for name in place.split(separator: ".") {
            guard let next = node[String(name)] else { return nil }
            node = next
        }
        return node
    }
}
