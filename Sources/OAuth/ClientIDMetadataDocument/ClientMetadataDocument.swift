import HTTP
import JSON

/// What a client publishes about itself at its identifier (draft-ietf-oauth-client-id-metadata-document, "Client ID Metadata
/// Document").
package struct ClientMetadataDocument: Sendable, Hashable {
    /// The largest document that is read (policy: what the draft recommends).
    package static let maximumBytes = 5 * 1024
    private static let maximumDepth = 32

    /// Its metadata. Without `token_endpoint_auth_method` the client is public.
    package let metadata: ClientMetadata

    /// Reads a document that was fetched from `url`; `invalid_client_metadata` and `invalid_redirect_uri` say what is wrong.
    package init(parsing bytes: [UInt8], from url: ClientIdentifierURL) throws(OAuthError) {
        let document: JSONDocument
        do {
            document = try JSONDocument(
                parsing: bytes,
                limits: JSONLimits(maximumDepth: Self.maximumDepth, maximumBytes: Self.maximumBytes))
        } catch {
            throw OAuthError(.invalidClientMetadata, "the document is not JSON: \(error)")
        }
        let root = document.root
        guard root.isObject else { throw OAuthError(.invalidClientMetadata, "the document is not a JSON object") }
        guard root["client_id"]?.stringBytes?.elementsEqual(url.url.text.utf8) == true else {
            throw OAuthError(.invalidClientMetadata, "client_id of the document is not its address")
        }
        // Anybody can read the document, so nothing in it can be a secret.
        for name in ["client_secret", "client_secret_expires_at"] where root[name] != nil {
            throw OAuthError(.invalidClientMetadata, "the document must not have \(name)")
        }
        metadata = try ClientMetadata(parsing: document, defaultMethod: .none)
        guard !metadata.tokenEndpointAuthMethod.usesSecret else {
            throw OAuthError(.invalidClientMetadata, "a shared secret cannot be published")
        }
        guard metadata.clientName?.isEmpty == false else {
            throw OAuthError(.invalidClientMetadata, "client_name is missing")
        }
    }
}
