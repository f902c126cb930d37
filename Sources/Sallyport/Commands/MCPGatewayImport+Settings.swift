// What of mcp-gateway's file is neither a server nor a rule: each key is taken over, or told.
extension MCPGatewayImport {
    /// What becomes of `proxy.proxy_config`, for each server.
    struct Upkeep {
        /// How often lists are looked at again.
        var rediscovery: String?
        /// After how long a silent server is asked whether it is there.
        var heartbeat: String?
    }

    /// `cache_ttl` and `heartbeat`, which were for all servers and are for each here.
    func upkeep() -> Upkeep {
        var upkeep = Upkeep()
        guard let settings = root["proxy"]?["proxy_config"] else { return upkeep }
        if let value = settings["cache_ttl"] {
            upkeep.rediscovery = duration(value, "proxy.proxy_config.cache_ttl", becoming: "rediscovery")
        }
        if let heartbeat = settings["heartbeat"] {
            let path = "proxy.proxy_config.heartbeat"
            if heartbeat["enabled"]?.scalarText == "false" {
                upkeep.heartbeat = "0s"
            } else if let value = heartbeat["interval_seconds"] ?? heartbeat["interval"] {
                upkeep.heartbeat = duration(value, "\(path).interval_seconds", becoming: "heartbeat")
            }
            noteUnknown(in: heartbeat, path, known: ["enabled", "interval_seconds", "interval"])
        }
        noteUnknown(in: settings, "proxy.proxy_config", known: ["cache_ttl", "heartbeat"])
        return upkeep
    }

    /// A number stands for seconds there. Nil, and told, where it is no duration that can be one here.
    private func duration(_ node: ConfigurationNode, _ path: String, becoming key: String) -> String? {
        guard let text = node.scalarText else { return nil }
        let written = Units.integer(text) == nil ? text : "\(text)s"
        let isReference = text.hasPrefix("$")
        guard isReference || Units.duration(written).map({ (.zero...Duration.seconds(86_400)).contains($0) }) == true
        else {
            note(path, node, "\"\(text)\" is left out: \(key) is 0s to 1d here")
            return nil
        }
        note(path, node, "is \(key) of each server here, which there was read and had no effect")
        return written
    }

    /// The issuers whose tokens are taken: those that are named, or else Okta's.
    var issuers: [String] {
        let named = root["oauth"]?["authorization_servers"]?.scalarTexts ?? []
        guard named.isEmpty, let okta = root["okta"]?["issuer"]?.scalarText else { return named }
        return [okta]
    }

    /// What stands in `oauth` and `okta` beside the issuers.
    func noteProvider() {
        let oauth = root["oauth"]
        if let provider = oauth?["provider"] {
            note(
                "oauth.provider", provider,
                "is left out: tokens of every issuer are verified alike, by the keys that it publishes")
        }
        if let scopes = oauth?["scopes_supported"], !scopes.scalarTexts.isEmpty {
            note(
                "oauth.scopes_supported", scopes,
                "is left out: there clients were told of these scopes and tokens needed none of them",
                hint: "required_scopes of the issuer are told to clients here, and every token must have them all")
        }
        if let methods = oauth?["bearer_methods_supported"], methods.scalarTexts != ["header"] {
            note("oauth.bearer_methods_supported", methods, "is left out: here a token counts in its header alone")
        }
        let read = ["enabled", "provider", "authorization_servers", "scopes_supported", "bearer_methods_supported"]
        noteUnknown(in: oauth, "oauth", known: read)
        noteOkta()
    }

    private func noteOkta() {
        guard let okta = root["okta"] else { return }
        let isIssuer = issuers.contains { $0 == okta["issuer"]?.scalarText }
        if let issuer = okta["issuer"], !isIssuer {
            note("okta.issuer", issuer, "is left out: oauth.authorization_servers names the issuers")
        }
        for key in ["org_url", "client_id", "private_key", "private_key_id"] {
            guard let value = okta[key] else { continue }
            note(
                "okta.\(key)", value,
                "is left out: that was for asking Okta about users; here groups are what stands in the token",
                hint: "let Okta put them into the claim \"groups\"; to log people in here: login.providers of type okta"
            )
        }
        noteUnknown(
            in: okta, "okta", known: ["issuer", "org_url", "client_id", "private_key", "private_key_id"])
    }

    /// What stands in `cors` beside the origins.
    func noteCORS() {
        guard let cors = root["cors"] else { return }
        for key in ["allowed_methods", "allowed_headers"] {
            guard let value = cors[key] else { continue }
            note("cors.\(key)", value, "is left out: pages may send what MCP and OAuth need, and nothing else")
        }
        if let value = cors["allow_credentials"] {
            note(
                "cors.allow_credentials", value,
                "is left out: it had no effect there, and here no cookie counts for pages")
        }
        noteUnknown(
            in: cors, "cors",
            known: ["enabled", "allowed_origins", "allowed_methods", "allowed_headers", "allow_credentials"])
    }

    /// What no part of this reads.
    func noteRest() {
        noteUnknown(in: root["server"], "server", known: ["url"])
        noteUnknown(in: root["proxy"], "proxy", known: ["servers", "proxy_config"])
        guard case .mapping(let entries) = root.content else { return }
        for entry in entries where !["server", "oauth", "okta", "auth", "proxy", "cors"].contains(entry.key) {
            context.note(.root.key(entry.key), line: entry.line, "is not known, and left out")
        }
    }

    private func noteUnknown(in node: ConfigurationNode?, _ path: String, known: [String]) {
        guard case .mapping(let entries)? = node?.content else { return }
        for entry in entries where !known.contains(entry.key) {
            context.note(.root.key("\(path).\(entry.key)"), line: entry.line, "is not known, and left out")
        }
    }
}
