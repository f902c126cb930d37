import Crypto
import HTTP
import JSON
import OAuth

/// RFC 8414 metadata, in every position where clients look for it. The issuer is the origin that the client used, byte
/// for byte.
struct MetadataEndpoint: HTTPResponder {
    let service: AuthorizationService

    /// Its paths: root and path-inserted for RFC 8414, root, path-inserted and appended for OpenID.
    static let positions = [
        "/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server/{path...}",
        "/.well-known/openid-configuration", "/.well-known/openid-configuration/{path...}",
        "/{server}/mcp/.well-known/openid-configuration", "/mcp/.well-known/openid-configuration",
    ]

    /// Puts it on its paths.
    func register(on router: inout HTTPRouter) {
        for path in Self.positions {
            router.on(.get, path, self)
            router.on(.options, path, Preflight(methods: "GET"))
        }
    }

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        do {
            let issuer = try service.openOrigin(of: request).description
            return JSONAnswer.make(
                .ok, bytes: document(issuer: issuer).serialized(), cacheControl: "public, max-age=300")
        } catch {
            return service.answer(for: error, request: request)
        }
    }

    private func document(issuer: String) -> JSONValue {
        var members: [JSONValue.Member] = []
        func add(_ name: String, _ value: JSONValue) { members.append(.init(name, value)) }
        add("issuer", .string(issuer))
        add("authorization_endpoint", .string(issuer + "/authorize"))
        add("token_endpoint", .string(issuer + "/token"))
        if service.configuration.grants.devices.isEnabled {
            add("device_authorization_endpoint", .string(issuer + "/device_authorization"))
        }
        add("pushed_authorization_request_endpoint", .string(issuer + "/par"))
        if service.configuration.grants.requiresPushedRequests { add("require_pushed_authorization_requests", true) }
        if service.configuration.registration.isEnabled {
            add("registration_endpoint", .string(issuer + "/register"))
        }
        add("revocation_endpoint", .string(issuer + "/revoke"))
        add("introspection_endpoint", .string(issuer + "/introspect"))
        add("jwks_uri", .string(issuer + "/jwks"))
        add("scopes_supported", .array(scopes.map { .string($0) }))
        add("response_types_supported", ["code"])
        add("response_modes_supported", ["query"])
        add("grant_types_supported", .array(service.configuration.grantTypes.map { .string($0) }))
        if service.configuration.grants.acceptsIdentityAssertions {
            // That they are understood, and never whose are taken (draft-ietf-oauth-identity-assertion-authz-grant §8.4).
            add("authorization_grant_profiles_supported", [.string(IdentityAssertion.profile)])
        }
        // One piece authenticates clients for every endpoint.
        for endpoint in ["token", "revocation"] {
            add("\(endpoint)_endpoint_auth_methods_supported", authenticationMethods)
            add("\(endpoint)_endpoint_auth_signing_alg_values_supported", assertionAlgorithms)
        }
        // Who cannot prove who it is may not ask (RFC 7662 §2.1).
        add("introspection_endpoint_auth_methods_supported", introspectionMethods)
        add("introspection_endpoint_auth_signing_alg_values_supported", assertionAlgorithms)
        add("code_challenge_methods_supported", ["S256"])
        add("dpop_signing_alg_values_supported", .array(DPoPChallenge.algorithms.map { .string($0) }))
        if service.clients.acceptsDocuments { add("client_id_metadata_document_supported", true) }
        add("authorization_response_iss_parameter_supported", true)
        // No ID token is issued; clients that read the OpenID positions refuse a document without these two.
        add("subject_types_supported", ["public"])
        add("id_token_signing_alg_values_supported", ["RS256"])
        return .object(members)
    }

    private var authenticationMethods: JSONValue {
        .array(ClientMetadata.AuthenticationMethod.allCases.map { .string($0.rawValue) })
    }

    private var introspectionMethods: JSONValue {
        .array(ClientMetadata.AuthenticationMethod.allCases.filter { $0 != .none }.map { .string($0.rawValue) })
    }

    private var assertionAlgorithms: JSONValue {
        .array(SignatureAlgorithm.allCases.map { .string($0.rawValue) })
    }

    private var scopes: [String] {
        Scope(tokens: service.resources.all.flatMap(\.scopes) + ResourcePolicy.serverScopes).tokens
    }
}
