import AsyncIO
import HTTP
import OAuth
import Synchronization
import Telemetry

/// A server that is reached over HTTP: each session has one of its own there, if the server keeps sessions.
///
/// A lock around the clients, of which each loop has one: sessions on it share the connections.
final class HTTPUpstream: Upstream {
    let circuit: UpstreamCircuit
    private let server: ServerDefinition
    private let endpoint: RemoteEndpoint
    private let configuration: GatewayConfiguration
    private let memory = TransportMemory()
    private let clients = Mutex<[ObjectIdentifier: HTTPClient]>([:])

    init(_ server: ServerDefinition, _ endpoint: RemoteEndpoint, _ configuration: GatewayConfiguration) {
        self.server = server
        self.endpoint = endpoint
        self.configuration = configuration
        circuit = UpstreamCircuit(server: server.name, in: configuration.metrics)
    }

    /// Costs nothing: what there is to connect to is seen when the first message goes.
    func prepare(
        for principal: Principal, on loop: EventLoop
    ) throws(UpstreamError) -> @Sendable () -> any ServerConnection {
        if let seconds = circuit.remaining(at: EventLoop.preciseNow) { throw .away(seconds: seconds) }
        let carrier = UpstreamCarrier(http: client(on: loop), circuit: circuit)
        let fields = UpstreamFields(endpoint, for: principal, configuration)
        return { [server, endpoint, configuration, memory] in
            HTTPServerConnection(
                server, endpoint, carrier: carrier, fields: fields, memory: memory,
                maximumMessage: configuration.limits.lineBytes)
        }
    }

    private func client(on loop: EventLoop) -> HTTPClient {
        clients.withLock { clients in
            if let client = clients[ObjectIdentifier(loop)] { return client }
            let client = HTTPClient(on: loop, policy: policy)
            clients[ObjectIdentifier(loop)] = client
            return client
        }
    }

    /// The operator named the address, so it may be any. Streams have no end and no size; calls have their deadline.
    private var policy: EgressPolicy {
        var policy = EgressPolicy(
            addresses: .any, allowsPlainHTTP: true, maximumBodyBytes: nil, connectTimeout: endpoint.connectTimeout,
            totalTimeout: nil, certificateAuthorities: endpoint.certificateAuthorities)
        policy.allowsHTTP2 = false
        return policy
    }
}
