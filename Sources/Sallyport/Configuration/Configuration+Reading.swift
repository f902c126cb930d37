import AsyncIO
import AuthorizationServer
import Crypto
import Gateway
import HTTP
import JSON
import OAuth
import Telemetry

/// Reads a file in Sallyport's own format, key by key.
struct ConfigurationFileReader {
    let context: ConfigurationContext
    var configuration: Configuration

    /// Fills in what `root` says; problems go to the context.
    mutating func read(_ root: ConfigurationNode) {
        guard var section = ConfigurationSection(root, path: .root, context: context) else { return }
        if let value = section.value("public_url") { readPublicURL(value) }
        if let listen = section.value("listen")?.listenAddress() { configuration.listen = listen }
        configuration.routing = section.value("routing")?.word(ServerRouting.self) ?? .path
        if let tls = section.section("tls") { configuration.tls = TLSReader(context: context).settings(in: tls) }
        if let text = section.value("data_dir")?.nonEmptyString() {
            configuration.dataDirectory = context.absolutePath(text)
        }
        StorageReader(context: context).read(&section, into: &configuration)
        readLogin(section.section("login"))
        if let servers = section.section("servers") {
            configuration.servers = ServerReader(context: context).servers(in: servers)
        }
        readAggregate(section.section("aggregate"))
        readForwardAuth(&section)
        if let access = section.section("access") {
            let reader = AccessReader(context: context, servers: configuration.namesUnderPolicy)
            configuration.access = reader.rules(in: access)
        }
        // After the servers: clients may be bound to some of them.
        readOAuth(section.section("oauth"))
        readCORS(section.section("cors"))
        readRates(section.section("rate_limits"))
        readLimits(section.section("limits"))
        readLogging(section.section("logging"))
        readAudit(section.section("audit"))
        configuration.metrics = MetricsReader(context: context).settings(in: section.section("metrics"))
        configuration.tracing = TracingReader(context: context).settings(in: section.section("tracing"))
        section.finish(hints: [
            "mcpServers": "convert the file first: sallyport import FILE",
            "issuer": "did you mean \"public_url\"?", "port": "write listen: 127.0.0.1:8080",
        ])
    }

    private mutating func readPublicURL(_ value: ConfigurationValue) {
        guard let text = value.nonEmptyString() else { return }
        do throws(WebOrigin.ParseError) {
            configuration.publicURL = try WebOrigin.parse(text)
        } catch {
            switch error {
            case .tail:
                value.refuse(
                    "\"\(text)\" has more than scheme, host and port", hint: "a path or query is not possible here")
            case .url(.scheme):
                value.refuse("\"\(text)\" does not begin with https://", hint: "like https://mcp.example.com")
            case .url(.userInformation): value.refuse("\"\(text)\" has a user in it")
            case .url(.port): value.refuse("\"\(text)\" has no valid port")
            case .url: value.refuse("\"\(text)\" is not a URL with a valid host name")
            }
        }
    }

    private mutating func readOAuth(_ section: ConfigurationSection?) {
        guard var section else { return }
        let hour = Duration.seconds(3600)
        var oauth = OAuthSettings()
        let longest = AuthorizationServerConfiguration.longestAccessTokenLifetime
        if let lifetime = section.value("access_token_lifetime")?.duration(in: .seconds(60)...longest) {
            oauth.accessTokenLifetime = lifetime
        }
        let refresh = section.value("refresh_token_lifetime")
        if let lifetime = refresh?.duration(in: hour...(hour * (24 * 366))) { oauth.refreshTokenLifetime = lifetime }
        if let grace = section.value("refresh_grace")?.duration(in: .zero...hour) { oauth.refreshGrace = grace }
        if oauth.refreshTokenLifetime < oauth.accessTokenLifetime {
            refresh?.refuse("is shorter than access_token_lifetime")
        }
        oauth.requiresPushedRequests = section.value("require_pushed_authorization_requests")?.boolean() ?? false
        if var devices = section.section("device_authorization") {
            oauth.areDevicesEnabled = devices.value("enabled")?.boolean() ?? true
            if let lifetime = devices.value("lifetime")?.duration(in: .seconds(60)...(.seconds(1800))) {
                oauth.deviceCodeLifetime = lifetime
            }
            devices.finish()
        }
        if var registration = section.section("dynamic_registration") {
            oauth.isRegistrationEnabled = registration.value("enabled")?.boolean() ?? true
            if let lifetime = registration.value("client_lifetime")?.duration(in: hour...(hour * (24 * 3660))) {
                oauth.clientLifetime = lifetime
            }
            registration.finish()
        }
        oauth.signingAlgorithm = section.value("signing_algorithm")?.word(SignatureAlgorithm.self) ?? .es256
        if var introspection = section.section("introspection") {
            oauth.introspectionClients = introspection.value("clients")?.strings() ?? []
            introspection.finish()
        }
        if let rotation = section.section("key_rotation") { oauth.keyRotation = keyRotation(rotation) }
        oauth.clientDocuments = context.clientDocuments(section.section("client_id_metadata_documents"))
        oauth.allowsOutOfBand = section.value("allow_out_of_band")?.boolean() ?? false
        if let clients = section.value("clients") {
            oauth.clients = ClientReader(
                context: context, servers: configuration.servers.map(\.name),
                elsewhere: configuration.protectedResources
            ).clients(clients)
        }
        readIssuers(&section, &oauth)
        readAssertions(&section, &oauth)
        section.finish()
        configuration.oauth = oauth
    }

    private func readIssuers(_ section: inout ConfigurationSection, _ oauth: inout OAuthSettings) {
        let own = section.value("authorization_server")
        let isWanted = own?.boolean()
        guard let issuers = section.value("external_issuers") else {
            if isWanted == false { own?.refuse("nobody would issue tokens", hint: "name some external_issuers") }
            return
        }
        oauth.externalIssuers = ExternalIssuerReader(context: context).issuers(issuers)
        if issuers.list()?.isEmpty == true { issuers.refuse("names no issuer", hint: "leave the key out") }
        oauth.hasAuthorizationServer = isWanted ?? false
    }

    private func readAssertions(_ section: inout ConfigurationSection, _ oauth: inout OAuthSettings) {
        guard let value = section.value("identity_assertions") else { return }
        oauth.identityAssertions = IdentityAssertionReader(
            context: context, login: configuration.login ?? LoginSettings()
        ).providers(value)
        if !oauth.hasAuthorizationServer, value.list()?.isEmpty == false {
            value.refuse("there is no authorization server here to take them", hint: "authorization_server: true")
        }
        let grant = IdentityAssertion.grantType
        for client in oauth.clients where !client.metadata.grantTypes.contains(grant) {
            guard oauth.identityAssertions.contains(where: { $0.clients?.contains(client.id) == true }) else {
                continue
            }
            value.note("the client \"\(client.id)\" cannot use them", hint: "add \(grant) to its grant_types")
        }
    }

    private func keyRotation(_ section: ConfigurationSection) -> KeyRotationPolicy {
        var section = section
        var policy = KeyRotationPolicy()
        let hour = Duration.seconds(3600)
        let isEnabled = section.value("enabled")?.boolean() ?? true
        let interval = section.value("interval")
        if let interval = interval?.duration(in: hour...(hour * (24 * 3660))) { policy.interval = interval }
        if let ahead = section.value("publish_ahead")?.duration(in: OAuthSettings.publishAheadRange) {
            policy.publishAhead = ahead
        }
        if let duration = policy.interval, duration <= policy.publishAhead {
            interval?.refuse("is not longer than publish_ahead")
        }
        if !isEnabled { policy.interval = nil }
        section.finish()
        return policy
    }

    private mutating func readLogin(_ section: ConfigurationSection?) {
        guard var section else { return }
        if let providers = section.value("providers") {
            configuration.login = ProviderReader(context: context).settings(in: providers)
        }
        section.finish()
    }

    private mutating func readAggregate(_ section: ConfigurationSection?) {
        guard var section else { return }
        configuration.aggregate.isEnabled = section.value("enabled")?.boolean() ?? true
        configuration.aggregate.showsInstructions = section.value("instructions")?.boolean() ?? true
        if let value = section.value("separator"), let text = value.string() {
            if (1...4).contains(text.utf8.count), text.utf8.allSatisfy({ "_-.".utf8.contains($0) }) {
                configuration.aggregate.separator = text
            } else {
                value.refuse("expected one to four of the characters _, - and ., found \"\(text)\"", hint: "like __")
            }
        }
        section.finish()
    }

    private mutating func readForwardAuth(_ section: inout ConfigurationSection) {
        let reader = ForwardAuthReader(context: context)
        configuration.trustedProxies = reader.proxies(section.value("trusted_proxies"))
        configuration.protectedResources = reader.resources(in: section.section("protected_resources"))
        configuration.forwardsBearer = section.value("insecure_forward_bearer")?.boolean() ?? false
        configuration.allowsSecretForms = section.value("insecure_secret_forms")?.boolean() ?? false
    }

    private mutating func readCORS(_ section: ConfigurationSection?) {
        guard var section else { return }
        for value in section.value("allowed_origins")?.list() ?? [] {
            guard let text = value.string() else { continue }
            if text == "*" {
                configuration.allowsEveryOrigin = true
                value.note("every web page may call the servers, with a token that it has got for itself")
            } else if text == "null" {
                value.refuse(
                    "\"\(text)\" would let every web page act with a user's credentials",
                    hint: "name the origins, like https://app.example.com")
            } else if let origin = try? WebOrigin.parse(text) {  // every reason has the same advice
                configuration.allowedOrigins.append(origin)
            } else {
                value.refuse("\"\(text)\" is not an origin", hint: "like https://app.example.com, without a path")
            }
        }
        section.finish()
    }

    private mutating func readLimits(_ section: ConfigurationSection?) {
        guard var section else { return }
        let largest = JSONLimits.standard.maximumBytes
        if let value = section.value("request_size"), let size = value.size(minimum: 64 << 10) {
            if size <= largest {
                configuration.limits.requestBytes = size
            } else {
                value.refuse("is too much; the most is \(largest >> 20)MiB")
            }
        }
        func read(_ key: String, _ limit: WritableKeyPath<GatewayLimits, Int>) {
            if let number = section.value(key)?.integer(in: 1...1_000_000) {
                configuration.limits[keyPath: limit] = number
            }
        }
        read("calls", \.callsPerPrincipal)
        read("streams", \.streamsPerPrincipal)
        read("processes_per_user", \.sessionsPerUser)
        read("processes", \.sessions)
        section.finish()
    }

    private mutating func readRates(_ section: ConfigurationSection?) {
        guard var section else { return }
        if let value = section.value("registration"), let rate = rate(value, like: "20/min") {
            configuration.registrationsPerMinute = rate
        }
        if let value = section.value("handshakes"), let rate = rate(value, like: "12000/min") {
            configuration.handshakesPerMinute = rate
        }
        configuration.rates.perUser = section.value("per_user").flatMap { rate($0, like: "600/min") }
        configuration.rates.perClient = section.value("per_client").flatMap { rate($0, like: "600/min") }
        configuration.rates.perAddress = section.value("per_address").flatMap { rate($0, like: "1200/min") }
        configuration.rates.perServer = section.value("per_server").flatMap { rate($0, like: "6000/min") }
        section.finish()
    }

    private func rate(_ value: ConfigurationValue, like example: String) -> Int? {
        guard let text = value.string() else { return nil }
        if let rate = Units.perMinute(text), (1...10_000_000).contains(rate) { return rate }
        value.refuse("expected a rate from 1/min to 10000000/min, found \"\(text)\"", hint: "like \(example)")
        return nil
    }

    private mutating func readLogging(_ section: ConfigurationSection?) {
        guard var section else { return }
        configuration.logging.format = section.value("format")?.word(LogFormat.self) ?? .auto
        if let value = section.value("level") { configuration.logging.levels = LogLevelReader().levels(value) }
        section.finish()
    }

    private mutating func readAudit(_ section: ConfigurationSection?) {
        guard var section else { return }
        let day = Duration.seconds(86_400)
        configuration.audit.isEnabled = section.value("enabled")?.boolean() ?? true
        if let retention = section.value("retention")?.duration(in: day...(day * 3660)) {
            configuration.audit.retention = retention
        }
        configuration.audit.recordsArguments = section.value("arguments")?.boolean() ?? false
        configuration.audit.redacted = section.value("redact")?.strings() ?? []
        section.finish()
    }
}

extension ConfigurationContext {
    /// `path` from the folder of the file, when it is not absolute.
    func absolutePath(_ path: String) -> String {
        path.hasPrefix("/") ? path : "\(directory)/\(path)"
    }
}
