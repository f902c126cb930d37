import OAuth

extension ForwardAuthConfiguration {
    /// What the access policy says about letting somebody through to a resource; nil where nothing stands against it, empty where
    /// no scope would help.
    ///
    /// Nobody sees here which tool a request means. An endpoint of ours asks for itself later, so that to be able to use
    /// anything of it is enough. Whatever is elsewhere asks nobody: only who may use all of it gets in. The same counts where
    /// the proxy did not say what was asked for.
    func missingScopes(of principal: Principal, for resource: ProtectedResource, asked: ProtectedResource?) -> [String]?
    {
        guard let access else { return nil }
        let rights = access.rights(of: principal)
        let servers = resource.isCollective ? directory.all.filter { !$0.isElsewhere && !$0.isCollective } : [resource]
        if asked != nil, !resource.isElsewhere { return access.missingScopes(for: servers.map(\.name), rights) }
        var missing: [String] = []
        for server in servers {
            // A server that the policy does not know is open to nobody.
            guard let rules = access.server(server.name) else { return [] }
            guard let lacking = rules.scopesMissing(forAllOf: rights) else { continue }
            if lacking.isEmpty { return [] }
            missing += lacking.filter { scope in !missing.contains { $0.utf8.elementsEqual(scope.utf8) } }
        }
        return missing.isEmpty ? nil : missing
    }
}
