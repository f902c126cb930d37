import AsyncIO
import AuthorizationServer
import Crypto
import Gateway
import HTTP
import Storage
import Telemetry

/// Refuses settings that work but do not protect (O03).
struct WeakConfiguration {
    let context: ConfigurationContext
    let configuration: Configuration

    /// Records every weakness.
    func check() {
        checkDataDirectory()
        if context.purpose.needs("public_url") { checkPublicURL() }
        guard context.purpose.isForServing else { return }
        RoutingCheck(context: context, configuration: configuration).check()
        checkTLS()
        checkMetrics()
        checkOrigins()
        checkProtectedResources()
        checkAssertions()
        checkSandboxes()
        checkPins()
    }

    private func checkMetrics() {
        guard let address = configuration.metrics.listen else { return }
        let path = ConfigurationPath.root.key("metrics").key("listen")
        if address == configuration.listen { context.refuse(path, line: nil, "is the address that listen has") }
        if address == configuration.tls?.redirectListen {
            context.refuse(path, line: nil, "is the address that tls.redirect_listen has")
        }
    }

    private func checkPins() {
        guard configuration.storage == .memory else { return }
        for server in configuration.servers where server.pin == .enforce {
            context.refuse(
                ConfigurationPath.root.key("servers").key(server.name).key("pin"), line: nil,
                "with storage: memory nothing can be approved, and no tool of this server would ever be there",
                hint: "leave storage out, or use pin: report")
        }
    }

    private func checkPublicURL() {
        let path = ConfigurationPath.root.key("public_url")
        guard let url = configuration.publicURL else {
            guard !configuration.listen.isLoopback else { return }
            return context.refuse(
                path, line: nil, "must be set when \(configuration.listen) is listened on",
                hint: "set it to the address that clients use, like https://mcp.example.com")
        }
        if url.isInTheClear {
            context.refuse(
                path, line: nil, "\"\(url)\" would send tokens over the network in the clear",
                hint: "use https://\(url.host), and set tls or end TLS in a proxy in front")
        }
    }

    private func checkTLS() {
        guard let tls = configuration.tls else { return }
        let path = ConfigurationPath.root.key("tls")
        let host = configuration.publicURL?.host ?? .name("localhost")
        let hosts = configuration.hosts.isEmpty ? [host] : configuration.hosts
        // Clients come by https: an issuer that says otherwise would send them to a door that is none.
        if let url = configuration.publicURL, url.scheme == .http {
            context.refuse(
                .root.key("public_url"), line: nil, "\"\(url)\" is not how clients get here: tls is set",
                hint: "use https://\(host)")
        }
        switch tls.source {
        case .files(let source): checkCertificate(source.context, for: hosts)
        case .acme(let settings): checkACME(settings, for: hosts)
        }
        if let redirect = tls.redirectListen, redirect == configuration.listen {
            context.refuse(path.key("redirect_listen"), line: nil, "is the address that listen has")
        }
    }

    private func checkCertificate(_ tls: TLSContext, for hosts: [HTTPURL.Host]) {
        let path = ConfigurationPath.root.key("tls").key("certificate")
        let missing = hosts.filter { !tls.names($0.plainText) }
        if let host = missing.first {
            let names = missing.map(\.description).joined(separator: ", ")
            context.note(
                path, line: nil, "is not for \(names): clients will refuse it",
                hint: missing.count == 1 && host == hosts.first
                    ? "it needs \(host) among its subject alternative names"
                    : "it needs these names, or \(hosts[0]) and *.\(hosts[0]), as subject alternative names")
        }
        if let validity = tls.validity, !tls.isValid(at: WallClock.system.now()) {
            context.note(
                path, line: nil, "counts from \(validity.notBefore) to \(validity.notAfter): clients refuse it now")
        }
    }

    private func checkACME(_ settings: ACMESettings, for hosts: [HTTPURL.Host]) {
        let path = ConfigurationPath.root.key("tls").key("acme")
        guard let host = hosts.first, case .name = host, !host.isLoopback else {
            return context.refuse(
                path, line: nil, "there is no public name to get a certificate for",
                hint: "set public_url to the address that clients use, like https://mcp.example.com")
        }
        for other in hosts where !settings.domains.isEmpty && !settings.domains.contains(other.plainText) {
            context.refuse(
                path.key("domains"), line: nil,
                "do not name \(other), which is the host of \(other == host ? "public_url" : "a server")")
        }
        if hosts.count > ACMESettings.maximumDomains {
            context.refuse(
                path, line: nil, "\(hosts.count) hosts are more than one certificate may name",
                hint: "use a wildcard certificate in files, or routing: path")
        }
    }

    private func checkOrigins() {
        for origin in configuration.allowedOrigins where origin.isInTheClear {
            context.refuse(
                .root.key("cors").key("allowed_origins"), line: nil,
                "\"\(origin)\" can be forged by anybody on the network", hint: "use https://\(origin.host)")
        }
    }

    private func checkProtectedResources() {
        let resources = configuration.protectedResources
        guard !resources.isEmpty else { return }
        let path = ConfigurationPath.root.key("protected_resources")
        guard let url = configuration.publicURL else {
            return context.refuse(
                path, line: nil, "needs public_url: clients of these resources must know where to log in",
                hint: "set it to the address at which browsers reach this server")
        }
        if configuration.trustedProxies.isEmpty {
            context.note(
                path, line: nil, "/verify lets nobody through: trusted_proxies is empty",
                hint: "name the addresses of the proxy that asks, like [172.16.0.0/12]")
        }
        let policy = configuration.access.map { AccessPolicy($0, servers: configuration.namesUnderPolicy) }
        for resource in resources {
            if policy?.server(resource.name)?.hasRuleForAll == false {
                context.note(
                    path.key(resource.name), line: nil,
                    "/verify lets nobody through: no rule of access is for all of it",
                    hint:
                        "/verify does not see which tool is meant; write permissions: {\"\(resource.name):*\": [SCOPE]}"
                )
            }
            if configuration.servers.contains(where: { $0.name.utf8.elementsEqual(resource.name.utf8) }) {
                context.refuse(path.key(resource.name), line: nil, "a server has the same name")
            }
            let addresses = configuration.servers.map { configuration.address(of: $0.name) }
            let own =
                addresses.filter { $0.site == nil }.map(\.path)
                + (configuration.hasAggregate ? [AggregateConfiguration.path] : [])
            let isOwn =
                resource.origin.utf8.elementsEqual(url.origin.utf8)
                && own.contains { resource.path.utf8.elementsEqual($0.utf8) }
            let isSite = addresses.contains { $0.site?.origin.utf8.elementsEqual(resource.origin.utf8) ?? false }
            if isOwn || isSite {
                context.refuse(path.key(resource.name), line: nil, "is the address of one of the servers here")
            }
        }
    }

    // One issuer has one allow-list: two would let those in by one way whom the other keeps out. The ways to log in may come
    // from the environment, so this waits for them.
    private func checkAssertions() {
        let login = configuration.login ?? LoginSettings()
        let list = ConfigurationPath.root.key("oauth").key("identity_assertions")
        for (index, entry) in configuration.oauth.identityAssertions.enumerated() {
            let path = list.index(index)
            func isEntry(_ id: String) -> Bool { id.utf8.elementsEqual(entry.id.utf8) }
            if let provider = login.providers.first(where: { $0.issuer == entry.issuer }), !isEntry(provider.id) {
                context.refuse(
                    path, line: nil, "\(entry.issuer) is a provider of login.providers",
                    hint: "write provider: \(provider.id)")
            }
            let others = login.providers.filter { $0.issuer != entry.issuer }.map(\.id) + login.proxies.map(\.id)
            if others.contains(where: isEntry) {
                context.refuse(
                    path, line: nil, "one of login.providers has the id \"\(entry.id)\"",
                    hint: "give the entry another id")
            }
            if entry.issuer.origin == configuration.publicURL?.origin {
                context.refuse(
                    path, line: nil, "\(entry.issuer) is this server",
                    hint: "name the identity provider that your users sign in with")
            }
        }
    }

    // What a server may read must not hold what protects the gateway (P09): rules only allow, none takes a part back.
    private func checkSandboxes() {
        var own = [("data_dir", configuration.dataDirectory)]
        if let file = context.file {
            own.append(("the configuration", file.hasPrefix("/") ? file : "\(WorkingDirectory.path)/\(file)"))
        }
        for server in configuration.servers {
            guard let sandbox = server.sandbox else { continue }
            let path = ConfigurationPath.root.key("servers").key(server.name)
            var given = sandbox.read.enumerated().map { (path.key("sandbox").key("read").index($0), $1) }
            given += sandbox.write.enumerated().map { (path.key("sandbox").key("write").index($0), $1) }
            if let folder = server.workingDirectory { given.append((path.key("working_directory"), folder)) }
            given += ChildProcess.Sandbox.systemPaths.map { (path.key("sandbox"), $0) }
            // Of what comes with a command this alone is a folder that can hold anything.
            let environment = FileSystem.parent(of: FileSystem.parent(of: server.command))
            if FileSystem.exists("\(environment)/pyvenv.cfg") { given.append((path.key("command"), environment)) }
            if let user = server.user { given.append((path.key("user"), user.home)) }
            for (key, folder) in given {
                for (name, secret) in own where FilePath.overlap(folder, secret) {
                    context.refuse(
                        key, line: nil, "\(folder) would show the server \(name) (\(secret))",
                        hint: "name narrower folders, or move \(name) elsewhere")
                }
            }
        }
    }

    private func checkDataDirectory() {
        guard configuration.storage != .memory else { return }
        let path = ConfigurationPath.root.key("data_dir")
        let directory = configuration.dataDirectory
        if FileMode.permissions(of: directory) != nil, !FileMode.isDirectory(directory) {
            return context.refuse(path, line: nil, "\(directory) is not a folder")
        }
        if FileMode.isOpenToOthers(directory) {
            context.refuse(
                path, line: nil, "other users of this machine can look into \(directory)",
                hint: "chmod 700 \(directory)")
        }
        for name in DataDirectory.privateFiles where FileMode.isOpenToOthers("\(directory)/\(name)") {
            context.refuse(
                path, line: nil, "other users of this machine can read \(directory)/\(name)",
                hint: "chmod 600 \(directory)/\(name)")
        }
    }
}
