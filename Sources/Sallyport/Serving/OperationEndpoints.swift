import AuthorizationServer
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
    /// Servers that do not answer; `/ready` names them. They are no reason to send clients elsewhere, where they would be away
    /// as well.
    let unavailableServers: @Sendable () -> [String]
    /// What is wrong and keeps nobody from serving: about the way on which requests come, about the audit trail.
    let warnings: @Sendable () -> [String]
    let process: ProcessGauges

    /// Where they are.
    static let paths: Set<String> = ["/live", "/health", "/ready", "/metrics"]

    /// Puts them on the router.
    func register(on router: inout HTTPRouter) {
        router.on(.get, "/live") { _, _ in .text(.ok, "alive") }
        router.on(.get, "/health") { _, _ in
            var members: [JSONValue.Member] = [.init("status", "ok"), .init("version", .string(Version.text))]
            let warnings = warnings()
            if !warnings.isEmpty { members.append(.init("warnings", .array(warnings.map { .string($0) }))) }
            return .json(.ok, JSONValue.object(members).serialized())
        }
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

    private func ready() async -> HTTPResponse {
        switch readiness.current {
        case .starting: return .text(.serviceUnavailable, "starting")
        case .draining: return .text(.serviceUnavailable, "stopping")
        case .ready: break
        }
        let servers = unavailableServers().map { "server \($0): does not answer" }
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
