import HTTP
import JSON
import OAuth
import Telemetry

/// What a client is told about its registration (RFC 7591 §3.2.1, RFC 7592 §3): everything that was registered, with what
/// we made of it, and how to manage it.
struct ClientInformation {
    let client: ClientRecord
    let metadata: ClientMetadata
    /// Told once, when it is made: afterwards there is only its digest.
    let secret: String?
    /// The token for the next request to `uri`.
    let registrationToken: String
    let origin: ServerOrigin

    /// Where a registration is managed.
    static func uri(of client: ClientID, origin: ServerOrigin) -> String {
        origin.uri(path: "/register/" + client.value)
    }

    var json: JSONValue {
        var members: [JSONValue.Member] = [
            .init("client_id", .string(client.id.value)),
            .init("client_id_issued_at", .integer(client.registeredAt.seconds)),
            .init("registration_access_token", .string(registrationToken)),
            .init("registration_client_uri", .string(ClientInformation.uri(of: client.id, origin: origin))),
        ]
        if let secret { members.append(.init("client_secret", .string(secret))) }
        if client.secretDigest != nil { members.append(.init("client_secret_expires_at", 0)) }
        if case .object(let registered) = metadata.json() { members += registered }
        return .object(members)
    }
}
