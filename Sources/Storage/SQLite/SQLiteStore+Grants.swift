package import AuthorizationServer
package import OAuth
package import Telemetry

extension SQLiteStore: GrantStore {
    package func open(
        _ grant: GrantRecord, refreshToken: SecretDigest?, at now: Timestamp
    ) async throws(StoreError) -> GrantOpening {
        try await database.write { [database] connection throws(StoreError) in
            let now = database.effective(now)
            if !grant.user.isServiceAccount {
                guard try Self.isOpen(grant.user, connection) else { return .noSuchUser }
            }
            try Self.insert(grant, connection)
            if let refreshToken {
                try Self.insert(
                    RefreshTokenRecord(id: refreshToken, grant: grant.id, generation: 0, issuedAt: now), connection)
            }
            return .opened
        }
    }

    package func grant(_ id: GrantID) async throws(StoreError) -> GrantRecord? {
        try await database.read { connection throws(StoreError) in try Self.grant(id, connection) }
    }

    package func grants(of user: UserID, at now: Timestamp) async throws(StoreError) -> [GrantRecord] {
        let now = database.effective(now)
        return try await database.read { connection throws(StoreError) in
            try connection.rows(
                """
                SELECT \(Self.grantColumns) FROM grant_family
                WHERE user = ?1 AND revoked_at IS NULL AND expires_at > ?2 ORDER BY granted_at DESC, rowid DESC
                """, .id(user), .time(now)
            ) { row throws(StoreError) in try Self.grant(row) }
        }
    }

    package func grants(
        of user: UserID?, to client: ClientID?, limit: Int, at now: Timestamp
    ) async throws(StoreError) -> [GrantRecord] {
        let now = database.effective(now)
        return try await database.read { connection throws(StoreError) in
            try connection.rows(
                """
                SELECT \(Self.grantColumns) FROM grant_family
                WHERE (?1 IS NULL OR user = ?1) AND (?2 IS NULL OR client = ?2) AND revoked_at IS NULL AND expires_at > ?3
                ORDER BY granted_at DESC, rowid DESC LIMIT ?4
                """, .optional(user?.value), .optional(client?.value), .time(now), .integer(Int64(limit))
            ) { row throws(StoreError) in try Self.grant(row) }
        }
    }

    package func lastUses(of user: UserID, at now: Timestamp) async throws(StoreError) -> [GrantID: Timestamp] {
        let now = database.effective(now)
        return try await database.read { connection throws(StoreError) in
            let uses = try connection.rows(
                """
                SELECT grant_family.id, max(refresh_token.issued_at) FROM grant_family
                JOIN refresh_token ON refresh_token.grant_id = grant_family.id
                WHERE user = ?1 AND revoked_at IS NULL AND expires_at > ?2 GROUP BY grant_family.id
                """, .id(user), .time(now)
            ) { row throws(StoreError) in (GrantID(try row.text(0)), try row.time(1)) }
            return Dictionary(uses) { max($0, $1) }
        }
    }

    package func revoke(
        _ id: GrantID, reason: RevocationReason, at now: Timestamp
    ) async throws(StoreError) -> GrantRevocation {
        try await database.write { [database] connection throws(StoreError) in
            try Self.revoke(id, reason: reason, at: database.effective(now), connection)
        }
    }

    package func revokeAll(
        of user: UserID, reason: RevocationReason, at now: Timestamp
    ) async throws(StoreError) -> [GrantID] {
        try await database.write { [database] connection throws(StoreError) in
            try Self.revokeAll(of: user, reason: reason, at: database.effective(now), connection)
        }
    }
}

// MARK: - Steps shared with the other verbs

extension SQLiteStore {
    static let grantColumns =
        "id, user, client, scope, resources, issuer, granted_at, expires_at, revoked_at, key_thumbprint"

    /// A row of `grantColumns`, which begin at `offset`.
    static func grant(_ row: SQLiteRow, offset: Int32 = 0) throws(StoreError) -> GrantRecord {
        GrantRecord(
            id: GrantID(try row.text(offset)), user: UserID(try row.text(offset + 1)),
            client: ClientID(try row.text(offset + 2)), scope: Scope(tokens: try row.list(offset + 3)),
            resources: try row.list(offset + 4), issuer: try row.text(offset + 5),
            keyThumbprint: try row.optionalText(offset + 9), grantedAt: try row.time(offset + 6),
            expiresAt: try row.time(offset + 7), revokedAt: try row.optionalTime(offset + 8))
    }

    static func grant(_ id: GrantID, _ connection: SQLiteConnection) throws(StoreError) -> GrantRecord? {
        try connection.row("SELECT \(grantColumns) FROM grant_family WHERE id = ?1", .id(id)) {
            row throws(StoreError) in try grant(row)
        }
    }

    static func insert(_ grant: GrantRecord, _ connection: SQLiteConnection) throws(StoreError) {
        try connection.run(
            """
            INSERT INTO grant_family (\(grantColumns)) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
            """, .id(grant.id), .id(grant.user), .id(grant.client), .list(grant.scope.tokens), .list(grant.resources),
            .text(grant.issuer), .time(grant.grantedAt), .time(grant.expiresAt), .time(grant.revokedAt),
            .optional(grant.keyThumbprint))
    }

    /// Writes the tombstone and the entry of the feed. Sequence numbers follow commit order, because a transaction that
    /// writes holds the only write lock from its beginning.
    static func revoke(
        _ id: GrantID, reason: RevocationReason, at now: Timestamp, _ connection: SQLiteConnection
    ) throws(StoreError) -> GrantRevocation {
        let changed = try connection.run(
            "UPDATE grant_family SET revoked_at = ?2, revocation_reason = ?3 WHERE id = ?1 AND revoked_at IS NULL",
            .id(id), .time(now), .text(reason.rawValue))
        guard changed > 0 else { return try grant(id, connection) == nil ? .unknown : .alreadyRevoked }
        try connection.run(
            "INSERT INTO revocation (grant_id, revoked_at) VALUES (?1, ?2)", .id(id), .time(now))
        return .revoked
    }

    static func revokeAll(
        of user: UserID, reason: RevocationReason, at now: Timestamp, _ connection: SQLiteConnection
    ) throws(StoreError) -> [GrantID] {
        try connection.run(
            """
            UPDATE authorization_code SET failures = \(AuthorizationCodeRecord.burnt)
            WHERE user = ?1 AND redeemed_at IS NULL
            """, .id(user))
        try connection.run(
            "UPDATE device_authorization SET stage = 'denied' WHERE grant_user = ?1 AND stage = 'approved'", .id(user))
        let live = try connection.rows(
            "SELECT id FROM grant_family WHERE user = ?1 AND revoked_at IS NULL AND expires_at > ?2", .id(user),
            .time(now)
        ) { row throws(StoreError) in GrantID(try row.text(0)) }
        for id in live { _ = try revoke(id, reason: reason, at: now, connection) }
        return live
    }
}

extension SQLiteStore: RevocationFeed {
    package func revocations(after sequence: Int64, limit: Int) async throws(StoreError) -> [Revocation] {
        try await database.read { connection throws(StoreError) in
            try connection.rows(
                "SELECT sequence, grant_id, revoked_at FROM revocation WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
                .integer(sequence), .integer(Int64(limit))
            ) { row throws(StoreError) in
                Revocation(
                    sequence: try row.integer(0), grant: GrantID(try row.text(1)), revokedAt: try row.time(2))
            }
        }
    }
}
