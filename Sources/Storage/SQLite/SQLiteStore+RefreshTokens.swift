package import AuthorizationServer
package import OAuth
package import Telemetry

extension SQLiteStore: RefreshTokenStore {
    package func refreshToken(
        _ id: SecretDigest
    ) async throws(StoreError) -> (token: RefreshTokenRecord, grant: GrantRecord)? {
        try await database.read { connection throws(StoreError) in try Self.refreshToken(id, connection) }
    }

    package func rotate(
        _ id: SecretDigest, of client: ClientID, successor: SecretDigest, policy: RotationPolicy, at now: Timestamp
    ) async throws(StoreError) -> RefreshRotation {
        try await database.write { [database] connection throws(StoreError) in
            let now = database.effective(now)
            guard let (token, grant) = try Self.refreshToken(id, connection) else { return .unknown }
            guard grant.client == client else { return .wrongClient }
            guard grant.revokedAt == nil else { return .revoked(grant.id) }
            guard now < grant.expiresAt else { return .expired }
            guard policy.permits(token, at: now) else {
                _ = try Self.revoke(grant.id, reason: .refreshTokenReuse, at: now, connection)
                return .reused(grant.id)
            }
            try connection.run(
                """
                UPDATE refresh_token SET rotated_at = ifnull(rotated_at, ?2), presentations = presentations + 1
                WHERE id = ?1
                """, .digest(id), .time(now))
            try Self.insert(
                RefreshTokenRecord(
                    id: successor, grant: grant.id, generation: token.generation + 1, issuedAt: now), connection)
            return .rotated(grant, withinGrace: token.rotatedAt != nil)
        }
    }
}

extension SQLiteStore {
    static func insert(_ token: RefreshTokenRecord, _ connection: SQLiteConnection) throws(StoreError) {
        try connection.run(
            """
            INSERT INTO refresh_token (id, grant_id, generation, issued_at, rotated_at, presentations)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            """, .digest(token.id), .id(token.grant), .integer(Int64(token.generation)), .time(token.issuedAt),
            .time(token.rotatedAt), .integer(Int64(token.presentations)))
    }

    private static func refreshToken(
        _ id: SecretDigest, _ connection: SQLiteConnection
    ) throws(StoreError) -> (token: RefreshTokenRecord, grant: GrantRecord)? {
        try connection.row(
            """
            SELECT t.generation, t.issued_at, t.rotated_at, t.presentations, g.id, g.user, g.client, g.scope,
                g.resources, g.issuer, g.granted_at, g.expires_at, g.revoked_at, g.key_thumbprint
            FROM refresh_token t JOIN grant_family g ON g.id = t.grant_id WHERE t.id = ?1
            """, .digest(id)
        ) { row throws(StoreError) in
            let grant = try Self.grant(row, offset: 4)
            let token = RefreshTokenRecord(
                id: id, grant: grant.id, generation: try row.count(0), issuedAt: try row.time(1),
                rotatedAt: try row.optionalTime(2), presentations: try row.count(3))
            return (token, grant)
        }
    }
}
