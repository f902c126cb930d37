import AsyncIO
import Crypto
import HTTP
import MCP
import OAuth
import Synchronization
import Telemetry

/// The header fields of every request to one upstream for one principal: what the operator wrote, and who asks (R03, R07).
/// Nothing of what a client sent is among them.
///
/// A class with a lock, because the statement is kept for a while.
final class UpstreamFields: RequestAuthorizer {
    /// Fields that we set, the transport needs, or that would say something about the connection: not the operator's.
    static let reserved: [FieldNameSpelling] = [
        "X-User-Id", "X-User-Name", "X-User-Email", "X-Sallyport-Identity", "Mcp-Session-Id", "MCP-Protocol-Version",
        "Mcp-Method", "Mcp-Name", "Last-Event-ID", "Accept", "Accept-Encoding", "Content-Type", "Content-Length",
        "Content-Encoding", "Host", "Connection", "Transfer-Encoding", "TE", "Trailer", "Upgrade", "Expect",
        "Keep-Alive",
        "Proxy-Connection", "Proxy-Authorization",
    ].map { FieldNameSpelling($0) }

    private struct Statement {
        let text: String
        let renewAt: LoopInstant
    }

    private let endpoint: RemoteEndpoint
    private let identity: [(name: HTTPFieldName, value: String)]
    private let statement: IdentityStatement?
    private let signer: (any TokenSigner)?
    private let clock: WallClock
    private let signed = Mutex<Statement?>(nil)

    init(_ endpoint: RemoteEndpoint, for principal: Principal, _ configuration: GatewayConfiguration) {
        self.endpoint = endpoint
        clock = configuration.clock
        signer = configuration.signer
        let isKnown = endpoint.forwardsIdentity && principal != .anonymous
        identity = isKnown ? Self.identity(of: principal) : []
        statement =
            isKnown
            ? configuration.issuer.map {
                IdentityStatement(principal: principal, issuer: $0(), audience: endpoint.url.text)
            } : nil
    }

    func authorization() -> String? { nil }

    func renew(after refusal: AuthorizationRefusal) -> Bool { false }

    func fields() -> HTTPFields {
        var fields = HTTPFields()
        for field in endpoint.fields {
            field.value.withBytes { fields.append(field.name, String(decoding: $0, as: UTF8.self)) }
        }
        for (name, value) in identity { fields.append(name, value) }
        if let statement = currentStatement() { fields.append("X-Sallyport-Identity", statement) }
        return fields
    }

    /// A name is what its owner or a provider made of it: what cannot stand in a header is left out, and what is left then
    /// may be nothing. The statement has all of it.
    private static func identity(of principal: Principal) -> [(name: HTTPFieldName, value: String)] {
        let values: [(HTTPFieldName, String)] = [
            ("X-User-Id", principal.user.value), ("X-User-Name", IdentityHeaders.plain(principal.userName)),
            ("X-User-Email", principal.email.map { IdentityHeaders.plain($0) } ?? ""),
        ]
        return values.filter { name, value in
            var fields = HTTPFields()
            fields.append(name, value)
            return !value.isEmpty && !fields.hasRefusedField
        }
    }

    /// The statement for the next request; signed again when half of its life is over.
    private func currentStatement() -> String? {
        guard let statement, let signer else { return nil }
        let now = EventLoop.preciseNow
        if let signed = signed.withLock({ $0 }), signed.renewAt > now { return signed.text }
        guard let text = signer.sign(statement.payload(at: clock.now()), type: IdentityStatement.type) else {
            return nil
        }
        signed.withLock { $0 = Statement(text: text, renewAt: now + IdentityStatement.lifetime / 2) }
        return text
    }
}
