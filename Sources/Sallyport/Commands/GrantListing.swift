import AuthorizationServer
import JSON
import OAuth
import Telemetry

/// Grants as text and as JSON; never with a token.
enum GrantListing {
    /// One line for each grant.
    static func table(_ entries: [GrantAdministration.Entry]) -> String {
        guard !entries.isEmpty else { return "no grants" }
        return TextTable.render(
            ["ID", "USER", "CLIENT", "NAME", "SCOPE", "RESOURCES", "SINCE", "UNTIL"],
            entries.map { entry in
                [
                    entry.grant.id.value, entry.userName, entry.grant.client.value, entry.clientName,
                    entry.grant.scope.description, entry.grant.resources.joined(separator: ","),
                    entry.grant.grantedAt.iso8601, entry.grant.expiresAt.iso8601,
                ]
            })
    }

    /// All grants as a JSON array.
    static func json(_ entries: [GrantAdministration.Entry]) -> String {
        String(decoding: JSONValue.array(entries.map(value)).serialized(), as: UTF8.self)
    }

    /// One grant as JSON.
    static func value(_ entry: GrantAdministration.Entry) -> JSONValue {
        [
            "id": .string(entry.grant.id.value), "user": .string(entry.userName),
            "user_id": .string(entry.grant.user.value), "client_id": .string(entry.grant.client.value),
            "client_name": .string(entry.clientName), "scope": .string(entry.grant.scope.description),
            "resources": .array(entry.grant.resources.map { .string($0) }), "issuer": .string(entry.grant.issuer),
            "granted_at": .string(entry.grant.grantedAt.iso8601),
            "expires_at": .string(entry.grant.expiresAt.iso8601),
        ]
    }
}
