import AsyncIO
import MCP
import OAuth
import Synchronization

/// A server that sessions share: all of them (`isolation: shared`), or those of one user (`isolation: user`).
final class SharedUpstream: Upstream {
    private static let attempts = 3

    private let upstream: any Upstream
    private let server: ServerDefinition
    private let limits: GatewayLimits
    private let servers = Mutex<[SharedServer.Audience: SharedServer]>([:])

    init(_ upstream: any Upstream, _ server: ServerDefinition, _ limits: GatewayLimits) {
        self.upstream = upstream
        self.server = server
        self.limits = limits
    }

    func prepare(
        for principal: Principal, on loop: EventLoop
    ) async throws(UpstreamError) -> @Sendable () -> any ServerConnection {
        let audience: SharedServer.Audience = server.isolation == .user ? .user(principal.user) : .everybody
        for _ in 0..<Self.attempts {
            guard let server = current(audience, on: loop) else {
                guard await makeRoom() else { throw .capacity }
                continue
            }
            if try await server.ready(upstream, for: principal) { return { SharedConnection(server, on: loop) } }
        }
        throw .failed("it ends as soon as it is started")
    }

    func stop() async {
        let running = servers.withLock { servers in
            defer { servers = [:] }
            return Array(servers.values)
        }
        for server in running { await server.stop() }
    }

    /// The one that runs, or a new one on `loop`; nil where there are as many as there may be (P05).
    private func current(_ audience: SharedServer.Audience, on loop: EventLoop) -> SharedServer? {
        servers.withLock { servers in
            if let server = servers[audience] { return server }
            guard servers.count < server.maximumSessions else { return nil }
            let server = SharedServer(server, for: audience, limits: limits, on: loop) { [weak self] in self?.forget($0)
            }
            servers[audience] = server
            return server
        }
    }

    /// Ends one that nobody uses.
    private func makeRoom() async -> Bool {
        for server in servers.withLock({ Array($0.values) }) where await server.endIfUnused() { return true }
        return false
    }

    private func forget(_ server: SharedServer) {
        servers.withLock { servers in
            if servers[server.audience] === server { servers[server.audience] = nil }
        }
    }
}
