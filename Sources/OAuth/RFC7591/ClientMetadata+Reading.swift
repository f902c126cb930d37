import Crypto
import HTTP
import JSON

// The members of client metadata, one function each.
extension ClientMetadata {
    /// RFC 7591 §2.3, §3.2.2: no issuer of software statements is trusted here, and a client that depends on one must
    /// not be registered without it.
    static func refuseSoftwareStatement(_ object: JSONNode) throws(OAuthError) {
        guard let statement = object["software_statement"], !statement.isNull else { return }
        guard let bytes = statement.stringBytes, (try? UnverifiedJWS(bytes)) != nil  // unreadable is invalid
        else { throw OAuthError(.invalidSoftwareStatement, "software_statement is not a signed JWT") }
        throw OAuthError(
            .unapprovedSoftwareStatement, "no issuer of software statements is trusted here; register without one")
    }

    static func grantTypes(_ object: JSONNode) throws(OAuthError) -> [String] {
        let asked = try list(object, "grant_types") ?? ["authorization_code"]
        let known = knownGrantTypes.filter { asked.contains($0) }
        guard known.contains(where: { $0 != "refresh_token" }) else {
            throw OAuthError(.invalidClientMetadata, "grant_types must contain authorization_code")
        }
        return known
    }

    static func redirectURIs(_ object: JSONNode, isRequired: Bool) throws(OAuthError) -> [RedirectURI] {
        guard let array = object["redirect_uris"], array.isArray, array.count > 0 else {
            if !isRequired, object["redirect_uris"].map({ $0.isNull || $0.isArray }) ?? true { return [] }
            throw OAuthError(.invalidRedirectURI, "redirect_uris must be a list of at least one redirect URI")
        }
        guard array.count <= maximumRedirectURIs else {
            throw OAuthError(.invalidRedirectURI, "redirect_uris may hold at most \(maximumRedirectURIs) URIs")
        }
        var uris: [RedirectURI] = []
        for element in array.elements {
            guard let text = element.string else {
                throw OAuthError(.invalidRedirectURI, "redirect_uris must hold strings")
            }
            // Whether this one is allowed here is the server's setting; `RegistrationRules` asks it.
            if let outOfBand = RedirectURI(outOfBand: text) {
                uris.append(outOfBand)
            } else {
                uris.append(try RedirectURI(parsing: text))
            }
        }
        return uris
    }

    static func method(_ object: JSONNode) throws(OAuthError) -> AuthenticationMethod? {
        guard let text = try text(object, "token_endpoint_auth_method", maximum: 100) else { return nil }
        guard let method = AuthenticationMethod(rawValue: text) else {
            let known = AuthenticationMethod.allCases.map(\.rawValue).joined(separator: ", ")
            throw OAuthError(.invalidClientMetadata, "token_endpoint_auth_method must be one of \(known)")
        }
        return method
    }

    static func flag(_ object: JSONNode, _ name: String) throws(OAuthError) -> Bool {
        guard let node = object[name], !node.isNull else { return false }
        guard let flag = node.boolean else { throw OAuthError(.invalidClientMetadata, "\(name) must be true or false") }
        return flag
    }

    static func signingAlgorithm(_ object: JSONNode) throws(OAuthError) -> SignatureAlgorithm? {
        guard let text = try text(object, "token_endpoint_auth_signing_alg", maximum: 20) else { return nil }
        guard let algorithm = SignatureAlgorithm(rawValue: text) else {
            let known = SignatureAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")
            throw OAuthError(.invalidClientMetadata, "token_endpoint_auth_signing_alg must be one of \(known)")
        }
        return algorithm
    }

    /// The document is fetched by us: https, and nothing that two programs could read as two addresses (A15).
    static func keySetURI(_ object: JSONNode) throws(OAuthError) -> String? {
        guard let text = try text(object, "jwks_uri", maximum: AbsoluteURI.maximumBytes) else { return nil }
        guard let url = try? HTTPURL(text), url.scheme == .https, url.fragment == nil  // unreadable is refused
        else { throw OAuthError(.invalidClientMetadata, "jwks_uri must be an https address without a fragment") }
        return text
    }

    static func keySet(_ object: JSONNode) throws(OAuthError) -> (JSONValue?, JSONWebKeySet) {
        guard let node = object["jwks"], !node.isNull else { return (nil, JSONWebKeySet(keys: [])) }
        guard let keys = JSONWebKeySet(node) else {
            throw OAuthError(
                .invalidClientMetadata, "jwks must be a key set of at most \(JSONWebKeySet.maximumKeys) keys")
        }
        guard node["keys"]?.elements.contains(where: { JSONWebKey.holdsSecrets($0) }) == false else {
            throw OAuthError(.invalidClientMetadata, "jwks must hold public keys only")
        }
        return (JSONValue(node), keys)
    }

    static func applicationType(_ object: JSONNode) throws(OAuthError) -> ApplicationType? {
        guard let text = try text(object, "application_type", maximum: 20) else { return nil }
        guard let type = ApplicationType(rawValue: text) else {
            throw OAuthError(.invalidClientMetadata, "application_type must be native or web")
        }
        return type
    }

    static func text(_ object: JSONNode, _ name: StaticString, maximum: Int) throws(OAuthError) -> String? {
        guard let node = object[name], !node.isNull else { return nil }
        guard let text = node.string, text.utf8.count <= maximum else {
            throw OAuthError(.invalidClientMetadata, "\(name) must be a string of at most \(maximum) bytes")
        }
        return text
    }

    static func scope(_ object: JSONNode) throws(OAuthError) -> Scope? {
        guard let text = try text(object, "scope", maximum: 2000), !text.isEmpty else { return nil }
        do {
            return try Scope(parsing: text)
        } catch {
            // RFC 7591 §3.2.2 has no `invalid_scope`.
            throw OAuthError(.invalidClientMetadata, error.description)
        }
    }

    static func list(_ object: JSONNode, _ name: StaticString) throws(OAuthError) -> [String]? {
        guard let node = object[name], !node.isNull else { return nil }
        let texts = node.elements.compactMap(\.string)
        guard node.isArray, texts.count == node.count, texts.count <= 20, texts.allSatisfy({ $0.utf8.count <= 200 })
        else { throw OAuthError(.invalidClientMetadata, "\(name) must be a list of at most 20 short strings") }
        return texts
    }

    static func webAddress(_ object: JSONNode, _ name: StaticString) throws(OAuthError) -> String? {
        guard let text = try text(object, name, maximum: AbsoluteURI.maximumBytes), !text.isEmpty else { return nil }
        guard let uri = AbsoluteURI(text), uri.origin != nil, !uri.hasUserInformation else {
            throw OAuthError(.invalidClientMetadata, "\(name) must be an http or https address")
        }
        return text
    }
}
