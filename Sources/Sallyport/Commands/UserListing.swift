import AuthorizationServer
import JSON
import OAuth
import Telemetry

/// Accounts as text and as JSON; never with a hash.
enum UserListing {
    /// One line for each account.
    static func table(_ users: [UserRecord]) -> String {
        guard !users.isEmpty else { return "no accounts" }
        let rows =
            [["NAME", "ROLE", "STATE", "GROUPS", "E-MAIL"]]
            + users.map { user in
                [
                    user.name, user.isAdministrator ? "admin" : "user", state(of: user),
                    user.groups.joined(separator: ","), user.email ?? "",
                ]
            }
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            return cells.joined(separator: "  ").trimmingEnd()
        }.joined(separator: "\n")
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
        return user.passwordHash == nil ? "no password yet" : "active"
    }
}

extension String {
    /// Without spaces at the end.
    fileprivate func trimmingEnd() -> String {
        var text = self[...]
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
