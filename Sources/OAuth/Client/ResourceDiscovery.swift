package import HTTP
import JSON

/// How a client gets into one protected resource: whom to ask, and for what.
package struct ResourceAccess: Sendable {
    /// `resource` of every request (RFC 8707).
    package let resource: String
    /// The authorization server.
    package let server: ProviderMetadata
    /// `registration_endpoint` (RFC 7591), where the server takes registrations.
    package let registrationEndpoint: HTTPURL?
    /// What to ask for; empty means to leave `scope` out.
    package let scopes: [String]
}

/// Finds the authorization server of an MCP endpoint, as the specification tells its clients to (b2, a2, d11): by the
/// challenge or the well-known place of RFC 9728, then RFC 8414 and OpenID discovery in their order; for servers from
/// before that, at the endpoint's own origin.
package struct ResourceDiscovery: Sendable {
    private let endpoint: HTTPURL
    private let documents: OutboundDocuments

    package init(endpoint: HTTPURL, documents: OutboundDocuments) {
        self.endpoint = endpoint
        self.documents = documents
    }

    /// `challenges` are the values of `WWW-Authenticate`.
    package func access(challenges: [String]) async throws(ProviderFailure) -> ResourceAccess {
        let challenge = ChallengeReader.parameters(of: "bearer", in: challenges) ?? [:]
        let wanted = challenge["scope"]?.split(separator: " ").map(String.init)
        guard let document = try await resourceDocument(challenge["resource_metadata"]) else {
            return try await access(issuer: endpoint.origin, resource: endpoint.text, scopes: wanted ?? [])
        }
        guard let resource = document["resource"]?.string, covers(resource) else {
            throw ProviderFailure(
                .untrusted,
                "the metadata of \(endpoint.text) is about another resource: "
                    + (document["resource"]?.string ?? "none"))
        }
        guard let issuer = document["authorization_servers"]?[0]?.string else {
            throw ProviderFailure(.misconfigured, "the metadata of \(endpoint.text) names no authorization server")
        }
        let supported = document["scopes_supported"]?.elements.compactMap(\.string)
        return try await access(issuer: issuer, resource: resource, scopes: wanted ?? supported ?? [])
    }

    // MARK: RFC 9728

    private func resourceDocument(_ named: String?) async throws(ProviderFailure) -> JSONNode? {
        var places = ["/.well-known/oauth-protected-resource\(endpoint.path)", "/.well-known/oauth-protected-resource"]
            .map { endpoint.origin + $0 }
        if let named {
            // A document elsewhere could speak for a resource that is not its own.
            guard let url = try? HTTPURL(named), url.origin == endpoint.origin else {
                throw ProviderFailure(.untrusted, "the server names its metadata at another origin: \(named)")
            }
            places = [named]
        }
        for place in places {
            if let root = try await fetch(place) { return root }
        }
        return nil
    }

    /// The endpoint itself, or what lies above it at the same origin.
    private func covers(_ resource: String) -> Bool {
        if resource.utf8.elementsEqual(endpoint.text.utf8) { return true }
        guard let url = try? HTTPURL(resource), url.origin == endpoint.origin else { return false }
        let base = url.path.hasSuffix("/") ? url.path : url.path + "/"
        return url.path == endpoint.path || endpoint.path.utf8.starts(with: base.utf8) || base == "/"
    }

    // MARK: RFC 8414

    private func access(
        issuer: String, resource: String, scopes: [String]
    ) async throws(ProviderFailure) -> ResourceAccess {
        guard let url = ProviderMetadata.trustworthy(issuer, beside: nil) else {
            throw ProviderFailure(.untrusted, "\(issuer) is no address of an authorization server that can be trusted")
        }
        for place in Self.places(of: url) {
            guard let root = try await fetch(place) else { continue }
            let server: ProviderMetadata
            do throws(DocumentFailure) {
                server = try ProviderMetadata(root, issuer: issuer)
            } catch {
                throw ProviderFailure(error)
            }
            // OAuth 2.1 §7.5.1, MCP: without PKCE a client does not go on.
            let methods = root["code_challenge_methods_supported"]?.elements.compactMap(\.string) ?? []
            guard methods.contains("S256") else {
                throw ProviderFailure(.misconfigured, "\(issuer) does not support PKCE with S256")
            }
            return ResourceAccess(
                resource: resource, server: server,
                registrationEndpoint: root["registration_endpoint"]?.string.flatMap {
                    ProviderMetadata.trustworthy($0, beside: url)
                }, scopes: scopes)
        }
        throw ProviderFailure(.misconfigured, "\(issuer) publishes no metadata of an authorization server")
    }

    /// With a path: inserted for OAuth, inserted for OpenID, appended for OpenID (a2).
    package static func places(of issuer: HTTPURL) -> [String] {
        let path = issuer.path == "/" ? "" : issuer.path
        let inserted = ["oauth-authorization-server", "openid-configuration"].map {
            "\(issuer.origin)/.well-known/\($0)\(path)"
        }
        return path.isEmpty ? inserted : inserted + ["\(issuer.origin)\(path)/.well-known/openid-configuration"]
    }

    /// A document; nil where there is none.
    private func fetch(_ place: String) async throws(ProviderFailure) -> JSONNode? {
        guard let url = try? HTTPURL(place) else { return nil }
        do throws(DocumentFailure) {
            let answer = try await documents.get(url)
            if answer.status == .ok { return answer.root }
            guard answer.status.code < 500 else {
                throw DocumentFailure(.status(answer.status.code), "\(place) answered \(answer.status.code)")
            }
            return nil
        } catch {
            // Not found, with a body that is no JSON.
            if case .status(let code) = error.code, code < 500 { return nil }
            throw ProviderFailure(error)
        }
    }
}
