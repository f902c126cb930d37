package import AuthorizationServer
package import OAuth
package import Telemetry

extension SQLiteStore: UserStore {
    package func add(_ user: UserRecord, onlyIfFirst: Bool) async throws(StoreError) -> UserAddition {
        try await database.write { connection throws(StoreError) in
            if onlyIfFirst {
                let any = try connection.row("SELECT 1 FROM user") { row throws(StoreError) in try row.integer(0) }
                guard any == nil else { return .notFirst }
            }
            let added = try Self.insert(user, connection)
            return added ? .added : .nameTaken
        }
    }

    package func user(named name: String) async throws(StoreError) -> UserRecord? {
        try await database.read { connection throws(StoreError) in
            try connection.row("SELECT \(Self.userColumns) FROM user WHERE name = ?1", .text(name)) {
                row throws(StoreError) in try Self.user(row)
            }
        }
    }

    package func user(_ id: UserID) async throws(StoreError) -> UserRecord? {
        try await database.read { connection throws(StoreError) in try Self.user(id, connection) }
    }

    package func users() async throws(StoreError) -> [UserRecord] {
        try await database.read { connection throws(StoreError) in
            try connection.rows("SELECT \(Self.userColumns) FROM user ORDER BY name") { row throws(StoreError) in
                try Self.user(row)
            }
        }
    }

    package func change(
        _ id: UserID, _ change: UserChange, at now: Timestamp
    ) async throws(StoreError) -> UserChangeOutcome {
        try await database.write { [database] connection throws(StoreError) in
            let now = database.effective(now)
            let known = try connection.row("SELECT 1 FROM user WHERE id = ?1", .id(id)) { row throws(StoreError) in
                try row.integer(0)
            }
            guard known != nil else { return .unknown }
            switch change {
            case .password(let hash):
                try Self.setPassword(hash, of: id, at: now, connection)
                return .changed(revoked: [])
            case .profile(let email, let groups, let isAdministrator):
                try connection.run(
                    "UPDATE user SET email = ?2, groups = ?3, is_administrator = ?4 WHERE id = ?1", .id(id),
                    .optional(email), .list(groups), .boolean(isAdministrator))
                return .changed(revoked: [])
            case .enable:
                try connection.run("UPDATE user SET is_disabled = 0 WHERE id = ?1", .id(id))
                return .changed(revoked: [])
            case .disable:
                try connection.run("UPDATE user SET is_disabled = 1 WHERE id = ?1", .id(id))
                return .changed(revoked: try Self.endEverything(of: id, at: now, connection))
            case .disown:
                try connection.run("UPDATE identity SET sealed_credential = NULL WHERE user = ?1", .id(id))
                return .changed(
                    revoked: try Self.endEverything(of: id, reason: .userDisowned, at: now, connection))
            case .remove:
                let ended = try Self.endEverything(of: id, at: now, connection)
                try connection.run("DELETE FROM identity WHERE user = ?1", .id(id))
                try connection.run("DELETE FROM consent WHERE user = ?1", .id(id))
                try connection.run("DELETE FROM user WHERE id = ?1", .id(id))
                return .changed(revoked: ended)
            }
        }
    }
}

extension SQLiteStore {
    private static let userColumns = """
        id, name, email, groups, is_administrator, is_disabled, password_hash, created_at, password_changed_at,
        display_name
        """

    /// The account with this identifier.
    static func user(_ id: UserID, _ connection: SQLiteConnection) throws(StoreError) -> UserRecord? {
        try connection.row("SELECT \(userColumns) FROM user WHERE id = ?1", .id(id)) { row throws(StoreError) in
            try user(row)
        }
    }

    /// Adds an account; false when its name is taken.
    static func insert(_ user: UserRecord, _ connection: SQLiteConnection) throws(StoreError) -> Bool {
        try connection.run(
            """
            INSERT INTO user (\(userColumns)) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
            ON CONFLICT (name) DO NOTHING
            """, .id(user.id), .text(user.name), .optional(user.email), .list(user.groups),
            .boolean(user.isAdministrator), .boolean(user.isDisabled), .optional(user.passwordHash),
            .time(user.createdAt), .time(user.passwordChangedAt), .optional(user.displayName)) > 0
    }

    private static func user(_ row: SQLiteRow) throws(StoreError) -> UserRecord {
        UserRecord(
            id: UserID(try row.text(0)), name: try row.text(1), displayName: try row.optionalText(9),
            email: try row.optionalText(2),
            groups: try row.list(3), isAdministrator: try row.boolean(4), isDisabled: try row.boolean(5),
            passwordHash: try row.optionalText(6), createdAt: try row.time(7),
            passwordChangedAt: try row.optionalTime(8))
    }

    /// Sets the password and ends the browser sessions that the old one began.
    static func setPassword(
        _ hash: String, of id: UserID, at now: Timestamp, _ connection: SQLiteConnection
    ) throws(StoreError) {
        try connection.run(
            "UPDATE user SET password_hash = ?2, password_changed_at = ?3 WHERE id = ?1", .id(id), .text(hash),
            .time(now))
        try connection.run("DELETE FROM browser_session WHERE user = ?1", .id(id))
    }

    private static func endEverything(
        of id: UserID, reason: RevocationReason = .userDisabled, at now: Timestamp, _ connection: SQLiteConnection
    ) throws(StoreError) -> [GrantID] {
        try connection.run("DELETE FROM browser_session WHERE user = ?1", .id(id))
        try connection.run("DELETE FROM one_time_link WHERE user = ?1", .id(id))
        return try revokeAll(of: id, reason: reason, at: now, connection)
            + revokeAPIKeys(of: id, at: now, connection)
    }
}

extension SQLiteStore: LoginFailureStore {
    package func loginFailures(_ key: SecretDigest) async throws(StoreError) -> LoginFailures {
        try await database.read { connection throws(StoreError) in
            try connection.row("SELECT count, last_at FROM login_failure WHERE id = ?1", .digest(key)) {
                row throws(StoreError) in LoginFailures(count: try row.count(0), lastAt: try row.time(1))
            } ?? LoginFailures()
        }
    }

    package func noteLoginFailure(
        _ key: SecretDigest, capacity: Int, at now: Timestamp
    ) async throws(StoreError) -> LoginFailures {
        try await database.write { [database] connection throws(StoreError) in
            let now = database.effective(now)
            let count = try connection.row(
                """
                INSERT INTO login_failure (id, count, last_at) VALUES (?1, 1, ?2)
                ON CONFLICT (id) DO UPDATE SET count = min(count + 1, 1000000), last_at = ?2 RETURNING count
                """, .digest(key), .time(now)
            ) { row throws(StoreError) in try row.count(0) }
            let keys = try connection.row("SELECT count(*) FROM login_failure") { row throws(StoreError) in
                try row.count(0)
            }
            let excess = (keys ?? 0) - max(1, capacity)
            if excess > 0 {
                try connection.run(
                    """
                    DELETE FROM login_failure WHERE id IN (
                        SELECT id FROM login_failure WHERE id != ?1 ORDER BY last_at, rowid LIMIT ?2)
                    """, .digest(key), .integer(Int64(excess)))
            }
            return LoginFailures(count: count ?? 1, lastAt: now)
        }
    }

    package func clearLoginFailures(_ key: SecretDigest) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try connection.run("DELETE FROM login_failure WHERE id = ?1", .digest(key))
        }
    }
}
