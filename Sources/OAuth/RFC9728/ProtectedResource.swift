/// A resource that this server protects: one MCP endpoint, here or behind another proxy that asks `/verify`.
package struct ProtectedResource: Sendable, Hashable {
    /// Where it stands when that is not the address by which clients know us: `https://fetch.example.com`.
    package let origin: String?
    /// Whether it is not one of our own endpoints: another proxy stands before it.
    package let isElsewhere: Bool
    /// Path of the endpoint: `/demo/mcp`. With the origin that the client uses it is the resource's identifier.
    package let path: String
    /// For people.
    package let name: String
    /// Scopes that it knows; what a client asks for when it asks for the resource as a whole.
    package let scopes: [String]
    /// Scopes without which nothing is let through to it.
    package let requiredScopes: [String]
    /// Whether it stands for others that are resources themselves.
    package let isCollective: Bool

    package init(
        origin: String? = nil, path: String, name: String, scopes: [String], requiredScopes: [String] = [],
        isCollective: Bool = false, isElsewhere: Bool? = nil
    ) {
        self.origin = origin
        self.isElsewhere = isElsewhere ?? (origin != nil)
        self.path = path
        self.name = name
        self.scopes = scopes
        self.requiredScopes = requiredScopes
        self.isCollective = isCollective
    }

    /// The same at another path.
    package func moved(to path: String) -> ProtectedResource {
        ProtectedResource(
            origin: origin, path: path, name: name, scopes: scopes, requiredScopes: requiredScopes,
            isCollective: isCollective, isElsewhere: isElsewhere)
    }

    /// How clients are bound to it: its identifier, without our own origin. A resource that has a host of its own here goes by
    /// the path that it would have at ours, so that a client keeps what it may wherever the resource moves.
    package var bindingName: String { isElsewhere || origin == nil ? identifier(at: "") : "/\(name)\(path)" }

    /// Its identifier, the `aud` of its tokens, for a client that calls us `own`.
    package func identifier(at own: String) -> String { (origin ?? own) + path }
}

/// Knows every protected resource. Asked on every authorization and token request: answers from memory.
package protocol ProtectedResourceDirectory: Sendable {
    /// Our own endpoint at exactly this path of the address by which clients know us.
    func resource(atPath path: String) -> ProtectedResource?

    /// The resource at another origin, elsewhere or at a host of its own here, with exactly this identifier.
    func external(origin: String, path: String) -> ProtectedResource?

    /// Whether this is the identifier of a resource at another origin.
    func isExternal(_ identifier: String) -> Bool

    /// Every resource, in the order of the configuration.
    var all: [ProtectedResource] { get }

    /// The scopes of the access policy. Clients may ask for them, as a 403 tells them to, and get what the user's claims
    /// give.
    var policyScopes: [String] { get }
}

extension ProtectedResourceDirectory {
    /// None without a policy.
    package var policyScopes: [String] { [] }

    /// Looked for among all.
    package func external(origin: String, path: String) -> ProtectedResource? {
        all.first { resource in
            guard let other = resource.origin else { return false }
            return other.utf8.elementsEqual(origin.utf8) && resource.path.utf8.elementsEqual(path.utf8)
        }
    }

    /// Looked for among all.
    package func isExternal(_ identifier: String) -> Bool {
        all.contains { resource in
            resource.origin.map { ($0 + resource.path).utf8.elementsEqual(identifier.utf8) } ?? false
        }
    }
}
