import OAuth

/// The protected resources: one for each server.
struct ServerDirectory: ProtectedResourceDirectory {
    let all: [ProtectedResource]
    private let byPath: [String: ProtectedResource]

    /// The resources of a plan.
    init(_ plan: ServingPlan) {
        all = plan.endpoints.map { ProtectedResource(path: $0.path, name: $0.name, scopes: ["mcp"]) }
        byPath = Dictionary(all.map { ($0.path, $0) }) { first, _ in first }
    }

    func resource(atPath path: String) -> ProtectedResource? { byPath[path] }
}
