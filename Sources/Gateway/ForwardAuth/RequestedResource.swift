import HTTP
import OAuth

/// What a proxy asks `/verify` about.
enum RequestedResource {
    /// This one.
    case one(ProtectedResource)
    /// Nothing in particular: no resource is named in the configuration, and whoever asks did not say.
    case any
    /// Something that cannot be let through; the text is for our log.
    case refused(String)

    /// Finds it. Where resources elsewhere are named, only a trusted proxy can ask, and only for one of them or for an
    /// endpoint of ours: silence means no. Where none is, a stranger's `X-Forwarded-*` mean nothing (R07), and the
    /// question is whether the token is good here at all.
    static func find(_ request: HTTPRequest, _ configuration: ForwardAuthConfiguration) -> RequestedResource {
        let directory = configuration.directory
        let namesOthers = directory.all.contains(where: \.isElsewhere)
        guard let forwarded = request.forwarded, forwarded.namesTarget else {
            guard namesOthers else { return .any }
            return .refused(
                request.forwarded == nil
                    ? "the peer \(request.peerAddress) is not in trusted_proxies"
                    : "the proxy did not say what was asked for: X-Forwarded-Host and X-Forwarded-Uri are missing")
        }
        guard let target = forwarded.target else {
            return .refused("X-Forwarded-Proto, -Host and -Uri do not make one plain address")
        }
        let own = configuration.hosts.possibleOrigins(of: request)
        if let resource = longest(directory.all, target, own) { return .one(resource) }
        return namesOthers ? .refused("no protected resource at \(target.origin)\(target.path)") : .any
    }

    private static func longest(
        _ resources: [ProtectedResource], _ target: ForwardedTarget, _ own: [ServerOrigin]
    ) -> ProtectedResource? {
        var found: ProtectedResource?
        for resource in resources where resource.path.utf8.count >= found?.path.utf8.count ?? 0 {
            let origins = resource.origin.map { [$0] } ?? own.map(\.description)
            if origins.contains(where: { target.isWithin(origin: $0, path: resource.path) }) { found = resource }
        }
        return found
    }
}
