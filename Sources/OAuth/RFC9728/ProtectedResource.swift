/// A resource that this server protects: one MCP endpoint.
package struct ProtectedResource: Sendable, Hashable {
    /// Path of the endpoint: `/demo/mcp`. With the origin that the client uses it is the resource's identifier.
    package let path: String
    /// For people.
    package let name: String
    /// Scopes that it knows; what a client asks for when it asks for the resource as a whole.
    package let scopes: [String]

    package init(path: String, name: String, scopes: [String]) {
        self.path = path
        self.name = name
        self.scopes = scopes
    }
}

/// Knows every protected resource. Asked on every authorization and token request: answers from memory.
package protocol ProtectedResourceDirectory: Sendable {
    /// The resource at exactly this path.
    func resource(atPath path: String) -> ProtectedResource?

    /// Every resource, in the order of the configuration.
    var all: [ProtectedResource] { get }
}
