import AuthorizationServer
import JSON
import OAuth
import Telemetry

/// Accounts as text and as JSON; never with a hash.
enum UserListing {
    /// One line for each account.
    static func table(_ users: [UserRecord]) -> String {
        guard !users.isEmpty else { return "no accounts" }
        return TextTable.render(
            ["NAME", "ROLE", "STATE", "GROUPS", "E-MAIL"],
            users.map { user in
                [
                    user.name, user.isAdministrator ? "admin" : "user", state(of: user),
                    user.groups.joined(separator: ","), user.email ?? "",
                ]
            })
    }

    /// One account with what belongs to it, for reading.
    static func text(_ user: UserRecord, _ belongings: UserBelongings) -> String {
        var parts = [table([user]), "id \(user.id)  made \(user.createdAt.iso8601)"]
        parts.append("sessions: \(belongings.sessions.count)")
        if !belongings.sessions.isEmpty { parts.append(SessionListing.table(belongings.sessions)) }
        parts.append("grants: \(belongings.grants.count)")
        if !belongings.grants.isEmpty { parts.append(GrantListing.table(belongings.grants)) }
        parts.append("API keys: \(belongings.apiKeys.count)")
        if !belongings.apiKeys.isEmpty {
            parts.append(APIKeyListing.table(belongings.apiKeys, at: WallClock.system.now()))
        }
        return parts.joined(separator: "\n")
    }

    /// One account with what belongs to it, as a JSON object.
    static func json(_ user: UserRecord, _ belongings: UserBelongings) -> String {
        guard case .object(var members) = value(user) else { return "{}" }
        members.append(.init("sessions", .array(belongings.sessions.map(SessionListing.value))))
        members.append(.init("grants", .array(belongings.grants.map(GrantListing.value))))
        members.append(
            .init("api_keys", .array(belongings.apiKeys.map { APIKeyListing.value($0.key, userName: $0.userName) })))
        return String(decoding: JSONValue.object(members).serialized(), as: UTF8.self)
    }

    /// All accounts as a JSON array.
    static func json(_ users: [UserRecord]) -> String {
        String(decoding: JSONValue.array(users.map { value($0) }).serialized(), as: UTF8.self)
    }

    /// One account as a JSON object, with its setup link when it has one.
    static func json(_ user: UserRecord, setupURL: String?) -> String {
        guard case .object(var members) = value(user) else { return "{}" }
        if let setupURL { members.append(.init("setup_url", .string(setupURL))) }
        return String(decoding: JSONValue.object(members).serialized(), as: UTF8.self)
    }

    private static func value(_ user: UserRecord) -> JSONValue {
        [
            "name": .string(user.name), "id": .string(user.id.value), "email": user.email.map { .string($0) } ?? .null,
            "groups": .array(user.groups.map { .string($0) }), "admin": .boolean(user.isAdministrator),
            "disabled": .boolean(user.isDisabled), "has_password": .boolean(user.passwordHash != nil),
            "created_at": .string(user.createdAt.iso8601),
        ]
    }

    private static func state(of user: UserRecord) -> String {
        if user.isDisabled { return "disabled" }
        // Who signs in at a provider never has one here.
        return user.passwordHash == nil && !user.isFederated ? "no password yet" : "active"
    }
}
