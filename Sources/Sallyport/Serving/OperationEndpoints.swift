import AuthorizationServer
import Gateway
import HTTP
import JSON
import Telemetry

/// `/live`, `/health`, `/ready` and `/metrics`: for whoever runs the gateway.
///
/// They answer under any `Host`: a probe inside a cluster does not know the public name, and nothing here depends on it.
struct OperationEndpoints: Sendable {
    let readiness: Readiness
    /// Asked by `/ready`; nil for a bridge, which has no store.
    let store: (any RevocationFeed)?
    /// How the servers are. Those that do not answer or do not start are named, and no reason to send clients elsewhere, where they
    /// would be away as well.
    let servers: @Sendable () -> [ServerHealth]
    /// Finds out whether one of them works.
    let probe: @Sendable (String) async -> ServerProbe
    /// By which its operator's commands are known.
    let seal: OperatorSeal
    /// What is wrong and keeps nobody from serving: about the way on which requests come, about the audit trail.
    let warnings: @Sendable () -> [String]
    let process: ProcessGauges

    /// Where they are.
    static let paths: Set<String> = ["/live", "/health", "/ready", "/metrics"]

    /// Puts them on the router.
    func register(on router: inout HTTPRouter) {
        router.on(.get, "/live") { _, _ in .text(.ok, "alive") }
        router.on(.get, "/health") { request, _ in health(isOperator: isOperator(request)) }
        router.on(.post, "/health") { request, _ in await probed(request) }
        router.on(.get, "/ready") { _, _ in await ready() }
        let metrics = SharedRendering {
            process.refresh()
            return MetricsRegistry.shared.prometheusText()
        }
        router.on(.get, "/metrics") { _, _ in
            HTTPResponse(
                status: .ok,
                fields: ["Content-Type": "text/plain; version=0.0.4; charset=utf-8", "Cache-Control": "no-store"],
                body: .bytes(metrics.text))
        }
    }

    func isOperator(_ request: HTTPRequest) -> Bool { seal.admits(request, at: WallClock.system.now()) }

    /// What anybody may know: the servers are named at `/` and those that are away at `/ready`. Who uses them, and why they fail, is
    /// for their operator.
    private func health(isOperator: Bool) -> HTTPResponse {
        var members: [JSONValue.Member] = [.init("status", "ok"), .init("version", .string(Version.text))]
        members.append(.init("servers", .array(servers().map { $0.json(inFull: isOperator) })))
        let warnings = warnings()
        if !warnings.isEmpty { members.append(.init("warnings", .array(warnings.map { .string($0) }))) }
        return Self.json(.object(members))
    }

    /// Only the operator may have processes started.
    private func probed(_ request: HTTPRequest) async -> HTTPResponse {
        // A query that cannot be read names nobody.
        guard isOperator(request), let name = try? request.queryParameters().values("probe").first else {
            return .text(.forbidden, "sallyport health --server NAME asks this, beside the gateway")
        }
        let result = await probe(name)
        return Self.json(
            [
                "server": .string(name), "answered": .boolean(result.reason == nil),
                "protocol_version": result.version.map { .string($0) } ?? .null,
                "reason": result.reason.map { .string($0) } ?? .null,
                "duration_ms": .integer(Int64(result.duration / .milliseconds(1))),
            ])
    }

    private static func json(_ value: JSONValue) -> HTTPResponse {
        var response = HTTPResponse.json(.ok, value.serialized())
        response.fields.append("Cache-Control", "no-store")
        return response
    }

    private func ready() async -> HTTPResponse {
        switch readiness.current {
        case .starting: return .text(.serviceUnavailable, "starting")
        case .draining: return .text(.serviceUnavailable, "stopping")
        case .ready: break
        }
        let servers = servers().filter(\.isUnavailable).map { server in
            // One that has processes is ours to start.
            let isStarted = server.state == .failing && server.processes != nil
            return "server \(server.name): does not \(isStarted ? "start" : "answer")"
        }
        let words = (["ready"] + servers + warnings()).joined(separator: "\n")
        guard let store else { return .text(.ok, words) }
        do throws(StoreError) {
            _ = try await store.revocations(after: .max, limit: 1)
            return .text(.ok, words)
        } catch {
            return .text(.serviceUnavailable, "the store does not answer")
        }
    }
}

extension ServerHealth {
    fileprivate func json(inFull: Bool) -> JSONValue {
        var members: [JSONValue.Member] = [.init("name", .string(name)), .init("available", .boolean(!isUnavailable))]
        guard inFull else { return .object(members) }
        members.append(.init("state", .string(state.rawValue)))
        members.append(.init("sessions", .integer(Int64(sessions))))
        if let processes { members.append(.init("processes", .integer(Int64(processes)))) }
        if let since { members.append(.init("since", .string(since.iso8601))) }
        if let reason { members.append(.init("reason", .string(reason))) }
        return .object(members)
    }
}
