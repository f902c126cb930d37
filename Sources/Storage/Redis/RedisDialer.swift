import AsyncIO
import Crypto

/// Makes connections: finds the server, connects, proves who we are, and looks whether it can be used.
struct RedisDialer: Sendable {
    /// The oldest version whose scripts can say that they only read.
    private static let oldestVersion = 7
    /// How long each step may take.
    private static let stepLimit = Duration.seconds(1)

    let location: RedisLocation

    /// A connection that is ready for commands, and what its server says.
    func connect(on loop: EventLoop) async throws(RedisFailure) -> (link: RedisLink, facts: RedisServerFacts) {
        let link = RedisLink(try await open(location.endpoints[0], on: loop))
        do throws(RedisFailure) {
            return (link, try await introduce(link))
        } catch {
            link.stream.close()
            throw error
        }
    }

    /// The first address of the endpoint that answers.
    private func open(
        _ endpoint: RedisLocation.Endpoint, on loop: EventLoop
    ) async throws(RedisFailure) -> any DuplexStream {
        var reason = "has no address"
        for address in try await addresses(of: endpoint) {
            do throws(IOError) {
                return try await ByteStream.connect(to: address, on: loop, within: Self.stepLimit)
            } catch {
                reason = error.description
            }
        }
        throw .unreachable("\(endpoint): \(reason)")
    }

    private func addresses(of endpoint: RedisLocation.Endpoint) async throws(RedisFailure) -> [SocketAddress] {
        do {
            return try await Resolver.addresses(of: endpoint.host, port: endpoint.port)
        } catch {
            throw .unreachable("\(endpoint): \(error)")
        }
    }

    private func introduce(_ link: RedisLink) async throws(RedisFailure) -> RedisServerFacts {
        let deadline = EventLoop.preciseNow + Self.stepLimit
        if let command = Self.authentication(user: location.user, password: location.password) {
            _ = try await link.call(command, until: deadline)
        }
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

    private static func authentication(
        user: String?, password: Secret<RedisLocation.RedisPassword>?
    ) -> [UInt8]? {
        guard let password else { return nil }
        return password.withBytes { bytes in
            RESPCommand.encode([Array("AUTH".utf8)] + (user.map { [Array($0.utf8)] } ?? []) + [bytes])
        }
    }
}
