import Gateway
import HTTP
import OAuth

/// The protected resources: one for each server and one for all of them, then those that stand elsewhere.
struct ServerDirectory: ProtectedResourceDirectory {
    let all: [ProtectedResource]
    let policyScopes: [String]
    private let byPath: [String: ProtectedResource]
    /// Those at other origins than the one by which clients know us.
    private let byIdentifier: [String: ProtectedResource]

    /// The resources of a plan.
    init(_ plan: ServingPlan) {
        var own = plan.endpoints.map {
            ProtectedResource(
                origin: $0.site?.origin, path: $0.path, name: $0.name, scopes: plan.scopes, isElsewhere: false)
        }
        if plan.hasAggregate { own.append(.aggregate(scopes: plan.scopes)) }
        let others = plan.configuration.protectedResources.map {
            ProtectedResource(
                origin: $0.origin, path: $0.path, name: $0.name, scopes: $0.scopes, requiredScopes: $0.requiredScopes)
        }
        all = own + others
        policyScopes = plan.configuration.access?.allScopes ?? []
        let endpoints = own + own.compactMap(\.eventChannel)
        byPath = Dictionary(endpoints.filter { $0.origin == nil }.map { ($0.path, $0) }) { first, _ in first }
        byIdentifier = Dictionary(
            (endpoints.filter { $0.origin != nil } + others).map { ($0.identifier(at: ""), $0) }
        ) { first, _ in first }
    }

    func resource(atPath path: String) -> ProtectedResource? { byPath[path] }

    func external(origin: String, path: String) -> ProtectedResource? { byIdentifier[origin + path] }

    func isExternal(_ identifier: String) -> Bool { byIdentifier[identifier] != nil }
}
