import AuthorizationServer
import JSON
import OAuth
import Telemetry

/// API keys as text and as JSON; never the key itself but where it was just made.
enum APIKeyListing {
    /// One line for each key.
    static func table(_ keys: [(key: APIKeyRecord, userName: String)], at now: Timestamp) -> String {
        guard !keys.isEmpty else { return "no keys" }
        return TextTable.render(
            ["ID", "KEY", "USER", "NAME", "SERVERS", "SCOPE", "STATE", "EXPIRES", "LAST USED"],
            keys.map { key, userName in
                [
                    key.id.value, key.hint + "…", userName, key.name,
                    key.resources.isEmpty ? "all" : key.resources.joined(separator: ","),
                    key.scope.tokens.joined(separator: ","), state(key, at: now), key.expiresAt.iso8601,
                    key.lastUsedAt?.iso8601 ?? "never",
                ]
            })
    }

    /// All keys as a JSON array.
    static func json(_ keys: [(key: APIKeyRecord, userName: String)]) -> String {
        text(.array(keys.map { value($0.key, userName: $0.userName) }))
    }

    /// One key as JSON.
    static func value(_ key: APIKeyRecord, userName: String) -> JSONValue {
        .object(members(key, userName: userName))
    }

    /// A key that was just made, with its text.
    static func json(_ key: APIKeyRecord, userName: String, text secret: String) -> String {
        text(.object([.init("token", .string(secret))] + members(key, userName: userName)))
    }

    private static func text(_ value: JSONValue) -> String { String(decoding: value.serialized(), as: UTF8.self) }

    private static func members(_ key: APIKeyRecord, userName: String) -> [JSONValue.Member] {
        [
            .init("id", .string(key.id.value)), .init("hint", .string(key.hint)), .init("name", .string(key.name)),
            .init("user", .string(userName)), .init("scope", .string(key.scope.description)),
            .init("resources", .array(key.resources.map { .string($0) })),
            .init("created_at", .string(key.createdAt.iso8601)), .init("expires_at", .string(key.expiresAt.iso8601)),
            .init("revoked_at", key.revokedAt.map { .string($0.iso8601) } ?? .null),
            .init("last_used_at", key.lastUsedAt.map { .string($0.iso8601) } ?? .null),
        ]
    }

    private static func state(_ key: APIKeyRecord, at now: Timestamp) -> String {
        if key.revokedAt != nil { return "revoked" }
        return now < key.expiresAt ? "active" : "expired"
    }
}
