package import Crypto
package import HTTP

/// What an operator wrote down for an upstream to let us in.
package enum UpstreamCredential {}

/// Where a server behind HTTP is, and how it is spoken to.
package struct RemoteEndpoint: Sendable, Equatable {
    /// Which transport of MCP it has.
    package enum Transport: String, Sendable, CaseIterable {
        /// Streamable HTTP, and 2024-11-05 where the server does not know that (d4).
        case automatic = "auto"
        case streamableHTTP = "http"
        /// 2024-11-05.
        case eventChannel = "sse"
    }

    /// A header field of every request.
    package struct Field: Sendable, Equatable {
        package let name: HTTPFieldName
        package let value: Secret<UpstreamCredential>

        package init(_ name: HTTPFieldName, _ value: Secret<UpstreamCredential>) {
            self.name = name
            self.value = value
        }

        package static func == (left: Field, right: Field) -> Bool {
            left.name == right.name && left.value.withBytes { right.value.matches($0) }
        }

        /// Whether we set this field, or the transport needs it, in whatever spelling: it is not the operator's to set (R07).
        package static func isReserved(_ name: HTTPFieldName) -> Bool {
            var fields = HTTPFields()
            fields.append(name, "")
            return name.description.hasPrefix("mcp-param-") || UpstreamFields.reserved.contains { fields.contains($0) }
        }
    }

    package var url: HTTPURL
    package var transport = Transport.automatic
    package var fields: [Field] = []
    /// PEM file of authorities to trust instead of the system's.
    package var certificateAuthorities: String?
    /// Whether the server is told for whom it works.
    package var forwardsIdentity = true
    /// For resolution, TCP and TLS together.
    package var connectTimeout = Duration.seconds(5)
    /// After how long without a message a server that keeps sessions is asked whether it is there; nil for never.
    package var heartbeat: Duration? = .seconds(60)
    /// How often lists that are kept on this side are compared with the server's, where it does not announce changes; nil for
    /// never.
    package var rediscovery: Duration? = .seconds(300)

    package init(url: HTTPURL) {
        self.url = url
    }
}
