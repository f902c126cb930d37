import AsyncIO
import Crypto

/// Makes connections: finds the server, connects, proves who we are, and looks whether it can be used.
struct RedisDialer: Sendable {
    /// The oldest version whose scripts can say that they only read.
    private static let oldestVersion = 7
    /// How long each step may take.
    private static let stepLimit = Duration.seconds(1)
    /// How long one of several sentinels may take: the next one may know.
    private static let sentinelLimit = Duration.milliseconds(400)

    let location: RedisLocation
    private let tls: TLSContext?

    /// Reads the authorities for TLS; a connection is never made without it where it was asked for (S04).
    init(location: RedisLocation) throws(TLSError) {
        self.location = location
        tls =
            location.isEncrypted
            ? try TLSContext(trusting: location.authorityPath.map { .authorities(path: $0) } ?? .system) : nil
    }

    /// A connection that is ready for commands, and what its server says.
    func connect(on loop: EventLoop) async throws(RedisFailure) -> (link: RedisLink, facts: RedisServerFacts) {
        let server = location.sentinel == nil ? location.endpoints[0] : try await findServer(on: loop)
        let link = try await open(server, on: loop, within: Self.stepLimit)
        do throws(RedisFailure) {
            return (link, try await introduce(link))
        } catch {
            link.stream.close()
            throw error
        }
    }

    // MARK: - Steps

    /// The first address of the endpoint that answers.
    private func open(
        _ endpoint: RedisLocation.Endpoint, on loop: EventLoop, within limit: Duration
    ) async throws(RedisFailure) -> RedisLink {
        var reason = "has no address"
        for address in try await addresses(of: endpoint) {
            do throws(TLSFailure) {
                return RedisLink(try await stream(to: address, endpoint.host, on: loop, within: limit))
            } catch {
                reason = error.description
            }
        }
        throw .unreachable("\(endpoint): \(reason)")
    }

    private func stream(
        to address: SocketAddress, _ host: String, on loop: EventLoop, within limit: Duration
    ) async throws(TLSFailure) -> ByteStream {
        let stream: ByteStream
        do throws(IOError) {
            stream = try await ByteStream.connect(to: address, on: loop, within: limit)
        } catch {
            throw .wire(error)
        }
        if let tls { try await stream.secure(to: host, tls, within: limit) }
        return stream
    }

    private func addresses(of endpoint: RedisLocation.Endpoint) async throws(RedisFailure) -> [SocketAddress] {
        do {
            return try await Resolver.addresses(of: endpoint.host, port: endpoint.port)
        } catch {
            throw .unreachable("\(endpoint): \(error)")
        }
    }

    /// Proves who we are, learns what the server is, and marks its feed of revocations as ours.
    private func introduce(_ link: RedisLink) async throws(RedisFailure) -> RedisServerFacts {
        let deadline = EventLoop.preciseNow + Self.stepLimit
        try await authenticate(link, user: location.user, password: location.password, until: deadline)
        if location.database != 0 {
            _ = try await link.call(RESPCommand.encode("SELECT", String(location.database)), until: deadline)
        }
        let information = RESPCommand.encode("INFO", "server", "replication", "persistence", "memory")
        let facts = RedisServerFacts(try await link.call(information, until: deadline).text ?? "")
        guard facts.majorVersion >= Self.oldestVersion else {
            throw .unreachable("this is not Redis 7 or newer, but \(facts.version.prefix(32))")
        }
        guard !facts.isLoading else { throw .unreachable("it is still loading its data") }
        guard facts.role == "master" else { throw .unreachable("this is a replica, which takes no writes") }
        let adoption = RedisScript.adopt.evaluation(prefix: location.prefix, arguments: [Array(facts.runID.utf8)])
        _ = try await link.call(adoption, until: deadline)
        return facts
    }

    private func authenticate(
        _ link: RedisLink, user: String?, password: Secret<RedisLocation.RedisPassword>?, until deadline: LoopInstant
    ) async throws(RedisFailure) {
        guard let password else { return }
        let command = password.withBytes { bytes in
            RESPCommand.encode([Array("AUTH".utf8)] + (user.map { [Array($0.utf8)] } ?? []) + [bytes])
        }
        _ = try await link.call(command, until: deadline)
    }
}

// MARK: - Sentinel

extension RedisDialer {
    /// The server that most recently took over, as the first sentinel says that knows one. Asked before every connection:
    /// after a failover it is another.
    private func findServer(on loop: EventLoop) async throws(RedisFailure) -> RedisLocation.Endpoint {
        var reasons: [String] = []
        for endpoint in location.endpoints {
            do throws(RedisFailure) {
                return try await ask(endpoint, on: loop)
            } catch {
                reasons.append(error.detail)
            }
        }
        throw .unreachable("no sentinel knows the server: \(reasons.joined(separator: "; "))")
    }

    private func ask(
        _ endpoint: RedisLocation.Endpoint, on loop: EventLoop
    ) async throws(RedisFailure) -> RedisLocation.Endpoint {
        guard let sentinel = location.sentinel else { throw .unreachable("no sentinel is configured") }
        let deadline = EventLoop.preciseNow + Self.sentinelLimit
        let link = try await open(endpoint, on: loop, within: Self.sentinelLimit)
        defer { link.stream.close() }
        try await authenticate(link, user: sentinel.user, password: sentinel.password, until: deadline)
        let question = RESPCommand.encode("SENTINEL", "GET-MASTER-ADDR-BY-NAME", sentinel.service)
        guard let answer = try await link.call(question, until: deadline).elements, answer.count == 2,
            let host = answer[0].text, let port = answer[1].text.flatMap({ Int($0) }), (1...65_535).contains(port)
        else { throw .unreachable("\(endpoint) does not know \(sentinel.service)") }
        return RedisLocation.Endpoint(host: host, port: port)
    }
}
