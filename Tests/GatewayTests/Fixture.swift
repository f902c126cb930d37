import AsyncIO
import Foundation
import HTTP
import OAuth
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Gateway

/// The built program, which starts the children; it lies beside the test bundle.
enum BuiltProgram {
    static let isReady: Bool = {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        let path = URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("sallyport").path
        guard FileManager.default.isExecutableFile(atPath: path) else { return false }
        unsafe Launcher.executable = path
        return true
    }()
}

/// Knows a few tokens by heart; the token `short` expires after a second, `down` finds the store unreachable, `broken` throws what is not expected.
struct StubVerifier: AccessTokenVerifier {
    static func principal(
        _ user: String, _ client: String, grant: String, groups: [String] = [],
        expires: Timestamp = Timestamp(millisecondsSinceEpoch: .max)
    ) -> Principal {
        Principal(
            user: UserID(user), userName: user.capitalized, email: "\(user)@example.com", groups: groups,
            client: ClientID(client), scope: Scope(tokens: ["mcp"]), grant: GrantID(grant),
            expires: expires)
    }

    static let principals: [String: Principal] = [
        "alice": principal("alice", "c1", grant: "g1"), "alice-again": principal("alice", "c1", grant: "g2"),
        "alice-admin": principal("alice", "c1", grant: "g1", groups: ["Admin"]),
        "alice-c2": principal("alice", "c2", grant: "g3"), "bob": principal("bob", "c1", grant: "g4"),
    ]

    func verify(
        _ token: String, for resource: String, issuer: String
    ) async throws(AccessTokenRejection) -> Principal {
        if token == "down" { throw AccessTokenRejection(.unavailable, detail: "store") }
        if token == "short" {
            return Self.principal("alice", "c1", grant: "g1", expires: WallClock.system.now() + .seconds(1))
        }
        guard let principal = Self.principals[token], resource.hasPrefix(issuer + "/") else {
            throw AccessTokenRejection(.invalid, detail: "unknown")
        }
        if token == "bob", resource.hasSuffix("/private/mcp") {
            throw AccessTokenRejection(.invalid, detail: "another resource")
        }
        return principal
    }
}

/// Grants that have ended.
final class StubRevocations: RevocationState {
    private let revoked = Mutex<Set<GrantID>>([])
    func revoke(_ grant: String) { revoked.withLock { _ = $0.insert(GrantID(grant)) } }
    func status(of grant: GrantID) -> RevocationStatus { revoked.withLock { $0.contains(grant) } ? .revoked : .active }
}

/// Audit events as they come.
final class Trail: Sendable {
    private let events = Mutex<[AuditEvent]>([])
    var log: CapturingAuditLog { CapturingAuditLog { event in self.events.withLock { $0.append(event) } } }
    var all: [AuditEvent] { events.withLock { $0 } }
}

/// A gateway on a free port of this process, with servers written in Python.
final class Bench: Sendable {
    let loops: EventLoopGroup
    let gateway: Gateway
    let server: HTTPServer
    let port: Int
    let revocations = StubRevocations()
    let trail = Trail()

    init(
        _ servers: [ServerDefinition] = [.python("demo", Script.server)], protected: Bool = true, loopCount: Int = 1,
        _ change: (inout GatewayConfiguration) -> Void = { _ in }
    ) async throws {
        try #require(BuiltProgram.isReady, "the program is not built")
        loops = EventLoopGroup(count: loopCount)
        let policy = HostPolicy(
            publicURL: nil, listen: .ip(.v4(0x7F00_0001), port: 0), allowedOrigins: ["https://app.example.com"])
        var configuration = GatewayConfiguration(
            hostPolicy: policy, authentication: protected ? .bearer(StubVerifier()) : .none, servers: servers)
        configuration.scopes = ["mcp"]
        configuration.inheritedEnvironment = ["PATH": "/usr/local/bin:/usr/bin:/bin", "SECRET": "not for children"]
        configuration.audit = trail.log
        configuration.revocations = revocations
        configuration.metrics = MetricsRegistry()
        change(&configuration)
        gateway = Gateway(configuration, on: loops)
        var router = HTTPRouter()
        gateway.register(on: &router)
        server = HTTPServer(group: loops, responder: router)
        port = try await server.start(on: .ip(.v4(0x7F00_0001), port: 0)).port
    }

    /// Stops everything; a test that forgets it leaves children that die with the test process.
    func stop() async {
        await gateway.drain(within: .seconds(1))
        await server.drain(within: .milliseconds(200))
        let loops = loops
        try? await onThread { loops.shutdown() }
    }

    func open(
        _ path: String = "/demo/mcp", _ token: String? = "alice", version: String = "2025-06-18"
    ) async throws -> PlainMCP {
        let port = port
        return try await onThread {
            try PlainMCP.opened(
                port: port, path: path, token: token, version: version,
                capabilities: #"{"sampling":{},"elicitation":{},"roots":{}}"#)
        }
    }

    func request(
        _ method: String, _ path: String, _ fields: [String: String] = [:], _ body: String = ""
    ) async throws -> PlainResponse {
        let port = port
        return try await onThread {
            try PlainHTTP.exchange(
                port: port, method, path, ["Host": "localhost:\(port)"].merging(fields) { $1 }, body: Array(body.utf8))
        }
    }
}

/// Runs `body` with a bench and stops it whatever happens.
func withBench(
    _ servers: [ServerDefinition] = [.python("demo", Script.server)], protected: Bool = true, loopCount: Int = 1,
    change: (inout GatewayConfiguration) -> Void = { _ in }, _ body: (Bench) async throws -> Void
) async throws {
    let bench = try await Bench(servers, protected: protected, loopCount: loopCount, change)
    do {
        try await body(bench)
    } catch {
        await bench.stop()
        throw error
    }
    await bench.stop()
}

extension ServerDefinition {
    /// `python3 -c script`.
    static func python(_ name: String, _ script: String, _ arguments: [String] = [], timeout: Duration = .seconds(20))
        -> ServerDefinition
    {
        ServerDefinition(
            name: name, command: "python3", arguments: ["-I", "-c", script] + arguments, callTimeout: timeout)
    }
}

extension PlainMCP {
    func say(_ tool: String, id: Int = 1, _ arguments: String = "{}") async throws -> MCPAnswer {
        try await onThread { try self.call(tool, id: id, arguments) }
    }

    func send(_ text: String, _ fields: [String: String] = [:]) async throws -> MCPAnswer {
        try await onThread { try self.post(text, fields) }
    }

    func listen(lastEvent: String? = nil) async throws -> Stream {
        try await onThread { try Stream(self.stream(lastEvent: lastEvent)) }
    }

    func streamed(_ body: String) async throws -> Stream {
        try await onThread { try Stream(self.stream("POST", body: body)) }
    }
}

/// An open stream.
// SAFETY: tests hand it from one awaited thread to the next, never to two at once.
final class Stream: @unchecked Sendable {
    private let http: PlainHTTP
    let head: PlainResponse

    init(_ stream: (http: PlainHTTP, head: PlainResponse)) {
        http = stream.http
        head = stream.head
    }

    func next() async throws -> PlainEvent? { try await onThread { try self.http.receiveEvent() } }

    /// Events with data until the stream ends.
    func rest() async throws -> [PlainEvent] {
        var events: [PlainEvent] = []
        while let event = try await next() { events.append(event) }
        return events
    }

    func cut() { http.connection.reset() }
    func shutdown() { http.connection.shutdown() }
    var localPort: Int { http.connection.localPort }
}
