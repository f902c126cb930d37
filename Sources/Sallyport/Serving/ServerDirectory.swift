import Gateway
import OAuth

/// The protected resources: one for each server and one for all of them, then those that stand elsewhere.
struct ServerDirectory: ProtectedResourceDirectory {
    let all: [ProtectedResource]
    let policyScopes: [String]
    private let byPath: [String: ProtectedResource]

    /// The resources of a plan.
    init(_ plan: ServingPlan) {
        var own = plan.endpoints.map { ProtectedResource(path: $0.path, name: $0.name, scopes: plan.scopes) }
        if plan.hasAggregate { own.append(.aggregate(scopes: plan.scopes)) }
        let others = plan.configuration.protectedResources.map {
            ProtectedResource(
                origin: $0.origin, path: $0.path, name: $0.name, scopes: $0.scopes, requiredScopes: $0.requiredScopes)
        }
        all = own + others
        policyScopes = plan.configuration.access?.allScopes ?? []
        byPath = Dictionary((own + own.compactMap(\.eventChannel)).map { ($0.path, $0) }) { first, _ in first }
    }

    func resource(atPath path: String) -> ProtectedResource? { byPath[path] }
}
