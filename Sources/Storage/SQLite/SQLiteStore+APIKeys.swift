package import AuthorizationServer
package import OAuth
package import Telemetry

extension SQLiteStore: APIKeyStore {
    package func add(_ key: APIKeyRecord, limit: Int, at now: Timestamp) async throws(StoreError) -> APIKeyAddition {
        try await database.write { [database] connection throws(StoreError) in
            let now = database.effective(now)
            guard try Self.isOpen(key.user, connection) else { return .noSuchUser }
            let live = try connection.row(
                "SELECT count(*) FROM api_key WHERE user = ?1 AND revoked_at IS NULL AND expires_at > ?2",
                .id(key.user), .time(now)
            ) { row throws(StoreError) in try row.count(0) }
            guard live ?? 0 < limit else { return .tooMany }
            try connection.run(
                """
                INSERT INTO api_key (\(Self.apiKeyColumns)) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
                """, .id(key.id), .digest(key.digest), .text(key.hint), .text(key.name), .id(key.user),
                .list(key.scope.tokens), .list(key.resources), .time(key.createdAt), .time(key.expiresAt),
                .time(key.revokedAt), .time(key.lastUsedAt))
            return .added
        }
    }

    package func apiKey(_ digest: SecretDigest) async throws(StoreError) -> APIKeyRecord? {
        try await database.read { connection throws(StoreError) in
            try connection.row("SELECT \(Self.apiKeyColumns) FROM api_key WHERE digest = ?1", .digest(digest)) {
                row throws(StoreError) in try Self.apiKey(row)
            }
        }
    }

    package func apiKeys(of user: UserID?) async throws(StoreError) -> [APIKeyRecord] {
        try await database.read { connection throws(StoreError) in
            try connection.rows(
                """
                SELECT \(Self.apiKeyColumns) FROM api_key WHERE ?1 IS NULL OR user = ?1
                ORDER BY created_at DESC, rowid DESC
                """, .optional(user?.value)
            ) { row throws(StoreError) in try Self.apiKey(row) }
        }
    }

    package func revokeAPIKey(
        _ id: GrantID, of user: UserID?, at now: Timestamp
    ) async throws(StoreError) -> GrantRevocation {
        try await database.write { [database] connection throws(StoreError) in
            let now = database.effective(now)
            let known = try connection.row(
                "SELECT revoked_at FROM api_key WHERE id = ?1 AND (?2 IS NULL OR user = ?2)", .id(id),
                .optional(user?.value)
            ) { row throws(StoreError) in try row.optionalTime(0) == nil }
            guard let isLive = known else { return .unknown }
            guard isLive else { return .alreadyRevoked }
            try Self.revokeAPIKey(id, at: now, connection)
            return .revoked
        }
    }

    package func markAPIKeyUsed(_ id: GrantID, at now: Timestamp) async throws(StoreError) {
        try await database.write { [database] connection throws(StoreError) in
            let now = database.effective(now)
            try connection.run(
                "UPDATE api_key SET last_used_at = ?2 WHERE id = ?1 AND ifnull(last_used_at, -1) < ?2", .id(id),
                .time(now))
        }
    }
}

extension SQLiteStore {
    private static let apiKeyColumns = """
        id, digest, hint, name, user, scope, resources, created_at, expires_at, revoked_at, last_used_at
        """

    private static func apiKey(_ row: SQLiteRow) throws(StoreError) -> APIKeyRecord {
        APIKeyRecord(
            id: GrantID(try row.text(0)), digest: try row.digest(1), hint: try row.text(2), name: try row.text(3),
            user: UserID(try row.text(4)), scope: Scope(tokens: try row.list(5)), resources: try row.list(6),
            createdAt: try row.time(7), expiresAt: try row.time(8), revokedAt: try row.optionalTime(9),
            lastUsedAt: try row.optionalTime(10))
    }

    /// Whether there is such an account and it is not disabled.
    static func isOpen(_ user: UserID, _ connection: SQLiteConnection) throws(StoreError) -> Bool {
        try connection.row("SELECT 1 FROM user WHERE id = ?1 AND is_disabled = 0", .id(user)) {
            row throws(StoreError) in try row.integer(0)
        } != nil
    }

    private static func revokeAPIKey(
        _ id: GrantID, at now: Timestamp, _ connection: SQLiteConnection
    ) throws(StoreError) {
        try connection.run("UPDATE api_key SET revoked_at = ?2 WHERE id = ?1", .id(id), .time(now))
        try connection.run("INSERT INTO revocation (grant_id, revoked_at) VALUES (?1, ?2)", .id(id), .time(now))
    }

    /// Ends every live key of a user; returns them.
    static func revokeAPIKeys(
        of user: UserID, at now: Timestamp, _ connection: SQLiteConnection
    ) throws(StoreError) -> [GrantID] {
        let live = try connection.rows(
            "SELECT id FROM api_key WHERE user = ?1 AND revoked_at IS NULL AND expires_at > ?2", .id(user), .time(now)
        ) { row throws(StoreError) in GrantID(try row.text(0)) }
        for id in live { try revokeAPIKey(id, at: now, connection) }
        return live
    }
}
