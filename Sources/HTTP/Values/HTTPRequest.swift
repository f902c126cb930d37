package import AsyncIO
package import Telemetry

/// The head of a request that was admitted: everything in it has been checked, nothing has to be checked again.
///
/// One reference to what its head says, copied when it is changed, because a request goes through many hands; and what every
/// request has of its own.
package struct HTTPRequest: Sendable {
    private var head: Head
    /// Names this request in the log.
    package var id: RequestID
    /// What the placeholders of the router's pattern matched.
    package var parameters = HTTPPathParameters()

    /// A request made by hand; the server makes the real ones.
    package init(
        method: HTTPMethod = .get, path: String, query: String? = nil, fields: HTTPFields = HTTPFields(),
        remoteAddress: SocketAddress = .ip(.v4(0x7F00_0001), port: 1),
        localAddress: SocketAddress = .ip(.v4(0x7F00_0001), port: 8080),
        authority: String = "localhost:8080", scheme: HTTPURL.Scheme = .http, id: RequestID = RequestID()
    ) {
        self.init(
            Parts(
                method: method, path: path, query: query, fields: fields, remoteAddress: remoteAddress,
                localAddress: localAddress, authority: authority, scheme: scheme),
            id: id)
    }

    init(_ parts: Parts, id: RequestID) {
        head = Head(parts)
        self.id = id
    }

    /// What the head says and where it came from.
    struct Parts {
        var method: HTTPMethod
        var path: String
        var query: String?
        var fields: HTTPFields
        var remoteAddress: SocketAddress
        var forwarded: ForwardedRequest?
        var localAddress: SocketAddress
        var authority: String
        var scheme: HTTPURL.Scheme
        var memory: RequestMemory?
        var departure: ClientDeparture?
        var account: RequestAccount?
    }

    // SAFETY: changed only by `change`, while nobody else has it.
    private final class Head: @unchecked Sendable {
        var parts: Parts

        init(_ parts: Parts) { self.parts = parts }
    }

    private mutating func change<Value>(_ part: WritableKeyPath<Parts, Value>, to value: Value) {
        if !isKnownUniquelyReferenced(&head) { head = Head(head.parts) }
        head.parts[keyPath: part] = value
    }
}

extension HTTPRequest {
    /// One of the methods that are known; others never get here.
    package var method: HTTPMethod { head.parts.method }

    /// The one canonical path (R06): begins with `/`, ASCII, no dot segments, no empty segments, nothing encoded.
    package var path: String { head.parts.path }

    /// The raw query without `?`; nil when there is none.
    package var query: String? { head.parts.query }

    /// The header fields without those of the connection.
    package var fields: HTTPFields {
        get { head.parts.fields }
        set { change(\.fields, to: newValue) }
    }

    /// The peer of the connection; behind a trusted proxy, the client that asked it.
    package var remoteAddress: SocketAddress {
        get { head.parts.remoteAddress }
        set { change(\.remoteAddress, to: newValue) }
    }

    /// What the peer says about the request that it passes on; nil unless the peer is trusted to say so.
    package internal(set) var forwarded: ForwardedRequest? {
        get { head.parts.forwarded }
        set { change(\.forwarded, to: newValue) }
    }

    /// Our end of the connection.
    package var localAddress: SocketAddress { head.parts.localAddress }

    /// The validated `Host` in lower case, with the port if it was given.
    package var authority: String {
        get { head.parts.authority }
        set { change(\.authority, to: newValue) }
    }

    /// How clients reach us, from the configuration.
    package var scheme: HTTPURL.Scheme { head.parts.scheme }

    /// What was noted about this head when it came before on this connection; nil where nothing can be.
    package var memory: RequestMemory? { head.parts.memory }

    /// When its client goes away; nil where it came by no connection.
    package var departure: ClientDeparture? { head.parts.departure }

    /// Where the access log learns what only whoever answers knows; nil where nobody writes it.
    package var account: RequestAccount? {
        guard let account = head.parts.account, account.isKept else { return nil }
        return account
    }

    /// The peer of the connection, whoever it speaks for.
    package var peerAddress: SocketAddress { forwarded?.peer ?? remoteAddress }

    private final class KnownAddress: Sendable {
        let text: String
        init(_ address: SocketAddress) { text = address.description }
    }

    /// ``remoteAddress`` as text; made once for requests with the same head.
    package var remoteAddressText: String {
        memory?.note { KnownAddress(remoteAddress) }.text ?? remoteAddress.description
    }

    /// The parameters of the query; empty when there is none.
    package func queryParameters(limits: FormLimits = .standard) throws(FormError) -> FormParameters {
        try FormParameters(parsing: Array((query ?? "").utf8), limits: limits)
    }
}

/// What the placeholders of a pattern matched: `{server}` in `/{server}/mcp`.
package struct HTTPPathParameters: Sendable, Equatable {
    private var pairs: [(name: String, value: String)] = []

    /// Of a literal path: none.
    package init() {}

    init(_ pairs: [(name: String, value: String)]) {
        self.pairs = pairs
    }

    /// The text that a placeholder matched.
    package subscript(name: String) -> String? {
        pairs.first { $0.name == name }?.value
    }

    /// Same names with the same values in the same order.
    package static func == (left: Self, right: Self) -> Bool {
        left.pairs.elementsEqual(right.pairs) { $0 == $1 }
    }
}
