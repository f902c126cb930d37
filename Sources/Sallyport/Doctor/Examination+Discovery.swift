import HTTP
import JSON
import OAuth

// RFC 9728 and RFC 8414: from the challenge to the authorization server.
extension Examination {
    /// What the client knows of the resource.
    struct Resource: Sendable {
        /// `resource` of its requests; nil leaves it out.
        let identifier: String?
        let issuer: String
        /// What it asks for; nil leaves `scope` out.
        let scope: String?
    }

    /// An authorization server as the client sees it.
    struct Server: Sendable {
        let issuer: String
        /// Its metadata; nil where the client falls back to the endpoints of 2025-03-26.
        let metadata: JSONNode?
        let authorization: HTTPURL
        let token: HTTPURL
        let registration: HTTPURL?
    }

    mutating func findResource(_ challenge: [String: String]) async -> Resource? {
        let path = endpoint.path == "/" ? "" : endpoint.path
        let wellKnown = endpoint.origin + "/.well-known/oauth-protected-resource"
        var places = path.isEmpty ? [wellKnown] : [wellKnown + path, wellKnown]
        if let named = challenge["resource_metadata"] {
            places = [named] + (client.trustsChallengeAlone ? [] : places.filter { $0 != named })
        }
        for place in places {
            guard let document = await resourceDocument(place) else { continue }
            guard let resource = accepted(document, challenge) else {
                if client.resourceMatch == .sameOrIgnored { continue }
                return nil
            }
            return resource
        }
        let remedy = "publish the metadata of RFC 9728 at \(places[0])"
        guard !client.needsResourceMetadata else {
            report(.failed, "no metadata of the resource", remedy)
            return nil
        }
        report(
            .warning, "no metadata of the resource; it takes \(endpoint.origin) for the authorization server", remedy)
        return Resource(identifier: nil, issuer: endpoint.origin, scope: challenge["scope"])
    }

    private mutating func resourceDocument(_ place: String) async -> JSONNode? {
        let (observation, document) = await fetch(place)
        if document != nil {
            report(.passed, observation?.text ?? place)
        } else if let observation {
            let isPage = observation.answer?.isSuccess == true
            report(
                isPage ? .warning : .noted, isPage ? "\(observation.text), and it is no JSON" : observation.text,
                isPage ? "answer 404 where there is nothing" : nil)
        } else {
            report(.warning, "\(place) is no address", "name the metadata by a whole URL")
        }
        return document
    }

    /// Nil where it is not about the endpoint, or says too little.
    private mutating func accepted(_ document: JSONNode, _ challenge: [String: String]) -> Resource? {
        let identifier = document["resource"]?.string ?? ""
        let isSame = identifier.utf8.elementsEqual(endpoint.text.utf8)
        let isRight = isSame || client.resourceMatch == .covering && covers(identifier)
        guard isRight else {
            report(
                client.resourceMatch == .sameOrIgnored ? .warning : .failed,
                "the metadata is about \(identifier.isEmpty ? "no resource" : identifier), not \(endpoint.text)",
                "resource must be the address that people enter, a last slash too; behind a proxy, set the public address"
            )
            return nil
        }
        guard let issuer = document["authorization_servers"]?[0]?.string else {
            report(.failed, "the metadata names no authorization server", "add authorization_servers (RFC 9728 §2)")
            return nil
        }
        let supported = document["scopes_supported"]?.elements.compactMap(\.string).joined(separator: " ")
        return Resource(
            identifier: identifier, issuer: issuer, scope: challenge["scope"] ?? (supported == "" ? nil : supported))
    }

    /// The endpoint itself, or what lies above it at the same origin.
    private func covers(_ resource: String) -> Bool {
        guard let url = try? HTTPURL(resource), url.origin == endpoint.origin else { return false }
        let base = url.path.hasSuffix("/") ? url.path : url.path + "/"
        let own = endpoint.path.hasSuffix("/") ? endpoint.path : endpoint.path + "/"
        return own.utf8.starts(with: base.utf8)
    }

    mutating func findServer(_ resource: Resource) async -> Server? {
        guard let issuer = try? HTTPURL(resource.issuer) else {
            report(.failed, "\(resource.issuer) is no address", "authorization_servers must hold https URLs")
            return nil
        }
        for place in ResourceDiscovery.places(of: issuer) {
            let (observation, document) = await fetch(place)
            guard let observation else { continue }
            if let document {
                report(.passed, observation.text)
                return server(resource.issuer, issuer, document)
            }
            guard let answer = observation.answer else {
                if case .failure(let error) = observation.result { report(failed: error, observation) }
                return nil
            }
            if (400..<500).contains(answer.status) { continue }
            let isPage = answer.isSuccess
            let mustStop = isPage ? client.failsOnPages : client.errorRule == .fails
            report(
                mustStop ? .failed : .warning, isPage ? "\(observation.text), and it is no JSON" : observation.text,
                "answer 404 where there is nothing: some clients fail, others look no further")
            if mustStop { return nil }
            if !isPage, client.errorRule == .usesDefaults { break }
        }
        return defaultServer(resource.issuer, issuer)
    }

    private mutating func defaultServer(_ text: String, _ issuer: HTTPURL) -> Server? {
        let remedy = "publish the metadata of RFC 8414 at \(ResourceDiscovery.places(of: issuer)[0])"
        let origin = client.defaults == .atServer ? endpoint.origin : issuer.origin
        let url = { (path: String) in try? HTTPURL(origin + path) }
        guard client.defaults != .none, let authorization = url("/authorize"), let token = url("/token") else {
            report(.failed, "\(text) publishes no metadata", remedy)
            return nil
        }
        report(.warning, "\(text) publishes no metadata; it tries \(origin)/authorize, /token and /register", remedy)
        return Server(
            issuer: text, metadata: nil, authorization: authorization, token: token, registration: url("/register"))
    }

    private mutating func server(_ text: String, _ issuer: HTTPURL, _ metadata: JSONNode) -> Server? {
        let named = metadata["issuer"]?.string ?? "nothing"
        if !named.utf8.elementsEqual(text.utf8) {
            report(
                client.checksIssuer ? .failed : .warning, "the metadata of \(text) says that it is \(named)",
                "issuer must be the same text as in authorization_servers, a last slash too (RFC 8414 §3.3)")
            if client.checksIssuer { return nil }
        }
        let methods = metadata["code_challenge_methods_supported"]?.elements.compactMap(\.string)
        if methods?.contains("S256") != true {
            let isFatal = client.pkce == .mustBeListed || client.pkce == .mustNotBeMissing && methods != nil
            report(
                isFatal ? .failed : .warning, "code_challenge_methods_supported does not name S256",
                "support PKCE with S256 and say so: clients of today refuse to go on without")
            if isFatal { return nil }
        }
        let types = metadata["grant_types_supported"]?.elements.compactMap(\.string)
        if let types, !types.contains("refresh_token") {
            report(
                .warning, "grant_types_supported lacks refresh_token",
                "without refresh tokens people log in again each time that the access token expires")
        }
        guard let authorization = endpoint("authorization_endpoint", metadata),
            let token = endpoint("token_endpoint", metadata)
        else { return nil }
        let registration = metadata["registration_endpoint"]?.string.flatMap { try? HTTPURL($0) }
        return Server(
            issuer: text, metadata: metadata, authorization: authorization, token: token, registration: registration)
    }

    private mutating func endpoint(_ name: String, _ metadata: JSONNode) -> HTTPURL? {
        guard let text = metadata[name]?.string, let url = try? HTTPURL(text) else {
            report(.failed, "the metadata names no \(name)", "add it (RFC 8414 §2)")
            return nil
        }
        if url.scheme != .https, !url.host.isThisMachine {
            report(.failed, "\(name) is \(text)", "serve it over https; behind a proxy, set the public address")
            return nil
        }
        return url
    }

    /// A document, by way of at most one redirect; no observation where `place` is no address.
    private func fetch(_ place: String) async -> (Observation?, JSONNode?) {
        guard let url = try? HTTPURL(place) else { return (nil, nil) }
        var observation = await prober.observe(page(.document(url)))
        if let answer = observation.answer, answer.isRedirect, let target = answer.fields["location"],
            let next = try? HTTPURL(target.hasPrefix("/") ? url.origin + target : target)
        {
            observation = await prober.observe(page(.document(next)))
        }
        guard let answer = observation.answer, answer.isSuccess, let root = answer.root, root.isObject else {
            return (observation, nil)
        }
        return (observation, root)
    }
}
