import Crypto
import JSON
import OAuth

/// The body of `PUT /register/{client_id}` (RFC 7592 §2.2).
///
/// A member that is left out keeps its value: §2.2 takes it for null and lets a server ignore null, and clients send only
/// what changes. An explicit null removes an optional member.
struct RegistrationChange {
    /// What §2.2 forbids a client to send: it is ours to decide.
    private static let forbidden = [
        "registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at",
    ]

    private let changes: JSONNode

    init(_ changes: JSONNode) throws(OAuthError) {
        for name in RegistrationChange.forbidden where changes[name] != nil {
            throw OAuthError(.invalidClientMetadata, "\(name) must not be sent")
        }
        self.changes = changes
    }

    /// The client's metadata with the changes in it.
    func applied(to client: ClientRecord) throws -> ClientMetadata {
        if let id = changes["client_id"] {
            guard id.stringBytes?.elementsEqual(client.id.value.utf8) == true else {
                throw OAuthError(.invalidClientMetadata, "client_id is not the one of this registration")
            }
        }
        // §2.2: a client may repeat its secret and never choose one.
        if let secret = changes["client_secret"], !secret.isNull {
            guard let text = secret.string, let stored = client.secretDigest,
                ConstantTime.equals(SecretDigest(of: text).bytes, stored.bytes)
            else { throw OAuthError(.invalidClientMetadata, "client_secret is not the one of this client") }
        }
        var merged: [JSONValue.Member] = []
        let sent = changes.members.map { ($0.key.string ?? "", $0.value) }
        if case .object(let current) = try RegisteredClient(client).metadata.json() {
            // Keys come one way: sending one replaces the other.
            let replacesKeys = sent.contains { $0.0 == "jwks" || $0.0 == "jwks_uri" }
            merged = current.filter { member in
                if replacesKeys, member.key == "jwks" || member.key == "jwks_uri" { return false }
                return !sent.contains { $0.0.utf8.elementsEqual(member.key.utf8) }
            }
        }
        merged += sent.filter { !$0.1.isNull }.map { .init($0.0, JSONValue($0.1)) }
        let document = try JSONDocument(parsing: JSONValue.object(merged).serialized())
        return try ClientMetadata(parsing: document)
    }
}
