import HTTP
import OAuth

/// A resource that a grant is for.
struct GrantedResource: Hashable {
    /// The canonical absolute URI: `aud` of the tokens.
    let uri: String
    /// As the consent page shows it.
    let name: String
    /// What it offers.
    let scopes: [String]
}

/// Which resources and scopes there are, for one of our origins.
struct ResourcePolicy {
    /// Scopes of the authorization server itself: accepted from every client, without an effect on what a token may do.
    static let serverScopes = ["offline_access"]

    /// The origin that the client uses.
    let origin: ServerOrigin
    /// Tells our own origins from others.
    let hosts: HostPolicy
    /// What is protected here.
    let directory: any ProtectedResourceDirectory
    /// Whose request it is: what an operator allowed a client bounds it. Nil where nothing is decided, on a page.
    var client: RegisteredClient?

    /// The resources that these indicators name; with none, every resource of ours.
    func resolve(_ indicators: [String]) throws(OAuthError) -> [GrantedResource] {
        guard !indicators.isEmpty else {
            return directory.all.filter { permits($0) }.map { granted($0, origin: origin.description) }
        }
        var result: [GrantedResource] = []
        for indicator in indicators {
            let resource = try resolve(indicator)
            if !result.contains(resource) { result.append(resource) }
        }
        return result
    }

    /// What there is besides resources that stand for others; those too where there is nothing else.
    func standing() throws(OAuthError) -> [GrantedResource] {
        let standing = directory.all.filter { !$0.isCollective && permits($0) }
        guard !standing.isEmpty else { return try resolve([]) }
        return standing.map { granted($0, origin: origin.description) }
    }

    private func resolve(_ text: String) throws(OAuthError) -> GrantedResource {
        let indicator = try ResourceIndicator(parsing: text)
        let own = isOwn(indicator.origin) ? directory.resource(atPath: indicator.path) : nil
        guard let resource = own ?? directory.external(origin: indicator.origin, path: indicator.path) else {
            throw OAuthError(.invalidTarget, "this server does not protect that resource")
        }
        guard permits(resource) else {
            throw OAuthError(.invalidTarget, "this client may not use that resource")
        }
        return granted(resource, origin: indicator.origin)
    }

    private func permits(_ resource: ProtectedResource) -> Bool {
        client?.allowedResources?.contains { $0.utf8.elementsEqual(resource.bindingName.utf8) } ?? true
    }

    // The origin that the client uses is ours; on loopback so are its other names.
    private func isOwn(_ other: String) -> Bool {
        other.utf8.elementsEqual(origin.description.utf8) || hosts.isOwn(origin: other)
    }

    private func granted(_ resource: ProtectedResource, origin: String) -> GrantedResource {
        GrantedResource(uri: resource.identifier(at: origin), name: resource.name, scopes: resource.scopes)
    }

    /// The name of a resource that `resolve` gave, for a page.
    func name(of uri: String) -> String {
        let external = directory.all.first { $0.origin != nil && $0.identifier(at: "").utf8.elementsEqual(uri.utf8) }
        let own = directory.all.first { $0.origin == nil && uri.utf8.reversed().starts(with: $0.path.utf8.reversed()) }
        return (external ?? own)?.name ?? uri
    }

    /// Every scope that these resources offer to this client.
    func scopes(of resources: [GrantedResource]) -> Scope {
        let offered = Scope(tokens: resources.flatMap(\.scopes))
        guard let allowed = client?.allowedScope else { return offered }
        return Scope(tokens: offered.tokens.filter(allowed.contains))
    }
}
