package import Crypto

/// Where the shared store is and how it is reached: what `storage:` says.
package struct RedisLocation: Sendable, Equatable {
    /// A host and its port.
    package struct Endpoint: Sendable, Hashable, CustomStringConvertible {
        /// A name or an IP address, the latter without brackets.
        package var host: String
        /// 1 to 65535.
        package var port: Int

        /// Names an endpoint.
        package init(host: String, port: Int) {
            self.host = host
            self.port = port
        }

        package var description: String {
            host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
    }

    /// Who watches over the server.
    package struct Sentinel: Sendable, Equatable {
        /// The name under which the sentinels know the server.
        package var service: String
        /// An account of the sentinels, when they want one; the password alone is that of `default`.
        package var user: String?
        /// Its password.
        package var password: Secret<RedisPassword>?
    }

    /// The purpose of a password of this kind.
    package enum RedisPassword: Sendable {}

    /// The server, or the sentinels that know where it is.
    package var endpoints: [Endpoint]
    /// Nil when the first endpoint is the server itself.
    package var sentinel: Sentinel?
    /// Whether everything goes over TLS.
    package var isEncrypted = false
    /// The file with the authorities that count for TLS; nil means those of the system.
    package var authorityPath: String?
    /// The account (ACL); nil with a password means `default`.
    package var user: String?
    /// The password.
    package var password: Secret<RedisPassword>?
    /// The number of the database.
    package var database = 0
    /// What every key begins with.
    package var prefix = "sallyport:"
    /// How many replicas have to confirm what must not be lost; nil means one where there is one.
    package var replicas: Int?

    /// What may be shown: no account, no password.
    package var description: String {
        let scheme = (isEncrypted ? "rediss" : "redis") + (sentinel == nil ? "" : "+sentinel")
        let path = sentinel.map { "/\($0.service)" } ?? ""
        return "\(scheme)://" + endpoints.map(\.description).joined(separator: ",") + path
    }

    /// How many replicas must confirm when `connected` are there. Behind sentinels a server without a replica confirms
    /// nothing: what it alone knows is lost when it fails.
    func requiredReplicas(connected: Int) -> Int {
        replicas ?? (sentinel != nil ? 1 : min(connected, 1))
    }
}
