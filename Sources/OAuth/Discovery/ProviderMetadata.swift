package import HTTP
package import JSON

/// What another authorization server says about itself (OpenID Connect Discovery 1.0 §3, RFC 8414 §2), checked (I06).
package struct ProviderMetadata: Sendable {
    /// `issuer`: byte for byte the one that was asked for.
    package let issuer: String
    /// `authorization_endpoint`.
    package let authorizationEndpoint: HTTPURL
    /// `token_endpoint`.
    package let tokenEndpoint: HTTPURL
    /// `jwks_uri`.
    package let keySetURI: HTTPURL?
    /// `userinfo_endpoint`.
    package let userInfoEndpoint: HTTPURL?
    /// `introspection_endpoint` (RFC 7662).
    package let introspectionEndpoint: HTTPURL?
    /// `token_endpoint_auth_methods_supported`; `client_secret_basic` where nothing is said.
    package let tokenEndpointAuthMethods: [String]
    /// `authorization_response_iss_parameter_supported` (RFC 9207 §3).
    package let sendsIssuer: Bool

    /// Reads a document that was fetched for `issuer`. Values that must not be believed refuse the whole document: half of
    /// a hostile document is no better.
    package init(_ root: JSONNode, issuer: String) throws(DocumentFailure) {
        guard root.isObject else { throw DocumentFailure(.malformed, "the discovery document is no JSON object") }
        guard let home = Self.trustworthy(issuer, beside: nil) else {
            throw DocumentFailure(.untrusted, "the issuer must be an https URL")
        }
        // RFC 8414 §3.3: identical, or the document speaks for somebody else.
        guard let named = root["issuer"]?.stringBytes, named.elementsEqual(issuer.utf8) else {
            throw DocumentFailure(
                .untrusted, "the discovery document is of another issuer: \(root["issuer"]?.string ?? "none")")
        }
        func endpoint(_ name: String) throws(DocumentFailure) -> HTTPURL? {
            guard let member = root[name], !member.isNull else { return nil }
            guard let text = member.string, let url = Self.trustworthy(text, beside: home) else {
                throw DocumentFailure(.untrusted, "\(name) of \(issuer) is not a URL that can be used")
            }
            return url
        }
        self.issuer = issuer
        guard let authorization = try endpoint("authorization_endpoint") else {
            throw DocumentFailure(.malformed, "\(issuer) names no authorization_endpoint")
        }
        guard let token = try endpoint("token_endpoint") else {
            throw DocumentFailure(.malformed, "\(issuer) names no token_endpoint")
        }
        authorizationEndpoint = authorization
        tokenEndpoint = token
        keySetURI = try endpoint("jwks_uri")
        userInfoEndpoint = try endpoint("userinfo_endpoint")
        introspectionEndpoint = try endpoint("introspection_endpoint")
        tokenEndpointAuthMethods =
            root["token_endpoint_auth_methods_supported"]?.elements.compactMap(\.string) ?? ["client_secret_basic"]
        sendsIssuer = root["authorization_response_iss_parameter_supported"]?.boolean ?? false
    }

    /// An https URL without a fragment; plain http only on this machine, where nobody reads along, and for an endpoint only
    /// where its issuer is there as well. Characters that a URL may hold and a shell would act on are refused: no real
    /// endpoint has them (CVE-2025-6514).
    package static func trustworthy(_ text: String, beside home: HTTPURL?) -> HTTPURL? {
        guard let url = try? HTTPURL(text),  // every reason means the same
            url.fragment == nil, url.path.utf8.allSatisfy(isPlain), (url.query ?? "").utf8.allSatisfy(isPlainInQuery)
        else { return nil }
        if url.scheme == .https { return url }
        guard url.host.isLoopback, home.map({ $0.scheme == .http && $0.host.isLoopback }) ?? true else { return nil }
        return url
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "/-._~%:@+,=".utf8.contains(byte)
        }
    }

    private static func isPlainInQuery(_ byte: UInt8) -> Bool {
        isPlain(byte) || byte == UInt8(ascii: "&")
    }
}
