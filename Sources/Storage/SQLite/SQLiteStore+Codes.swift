package import AuthorizationServer
import OAuth
package import Telemetry

extension SQLiteStore: AuthorizationCodeStore {
    package func issue(_ code: AuthorizationCodeRecord) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            let grant = code.grant
            try connection.run(
                """
                INSERT INTO authorization_code (id, grant_id, user, client, scope, resources, issuer, granted_at,
                    grant_expires_at, redirect_uri, code_challenge, issued_at, expires_at, redeemed_at, failures,
                    key_thumbprint)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
                """, .digest(code.id), .id(grant.id), .id(grant.user), .id(grant.client), .list(grant.scope.tokens),
                .list(grant.resources), .text(grant.issuer), .time(grant.grantedAt), .time(grant.expiresAt),
                .text(code.redirectURI), .text(code.codeChallenge), .time(code.issuedAt), .time(code.expiresAt),
                .time(code.redeemedAt), .integer(Int64(code.failures)), .optional(grant.keyThumbprint))
        }
    }

    package func code(_ id: SecretDigest) async throws(StoreError) -> AuthorizationCodeRecord? {
        try await database.read { connection throws(StoreError) in try Self.code(id, connection) }
    }

    package func redeem(
        _ id: SecretDigest, refreshToken: SecretDigest?, keyThumbprint: String?, failureLimit: Int, at now: Timestamp
    ) async throws(StoreError) -> CodeRedemption {
        try await database.write { [database] connection throws(StoreError) in
            let now = database.effective(now)
            guard let code = try Self.code(id, connection) else { return .unknown }
            if code.redeemedAt != nil {
                _ = try Self.revoke(code.grant.id, reason: .codeReuse, at: now, connection)
                return .reused(code.grant.id)
            }
            guard code.failures < failureLimit else { return .burnt }
            guard now < code.expiresAt else { return .expired }
            try connection.run(
                "UPDATE authorization_code SET redeemed_at = ?2 WHERE id = ?1", .digest(id), .time(now))
            var grant = code.grant
            grant.keyThumbprint = keyThumbprint
            try Self.insert(grant, connection)
            if let refreshToken {
                try Self.insert(
                    RefreshTokenRecord(id: refreshToken, grant: code.grant.id, generation: 0, issuedAt: now), connection
                )
            }
            return .redeemed(grant)
        }
    }

    package func countFailure(_ id: SecretDigest, at now: Timestamp) async throws(StoreError) -> Int {
        _ = database.effective(now)
        return try await database.write { connection throws(StoreError) in
            try connection.row(
                """
                UPDATE authorization_code SET failures = min(failures + 1, \(AuthorizationCodeRecord.burnt))
                WHERE id = ?1 RETURNING failures
                """, .digest(id)
            ) { row throws(StoreError) in try row.count(0) } ?? 0
        }
    }

    private static func code(
        _ id: SecretDigest, _ connection: SQLiteConnection
    ) throws(StoreError) -> AuthorizationCodeRecord? {
        try connection.row(
            """
            SELECT grant_id, user, client, scope, resources, issuer, granted_at, grant_expires_at, redirect_uri,
                code_challenge, issued_at, expires_at, redeemed_at, failures, key_thumbprint
            FROM authorization_code WHERE id = ?1
            """, .digest(id)
        ) { row throws(StoreError) in
            AuthorizationCodeRecord(
                id: id,
                grant: GrantRecord(
                    id: GrantID(try row.text(0)), user: UserID(try row.text(1)), client: ClientID(try row.text(2)),
                    scope: Scope(tokens: try row.list(3)), resources: try row.list(4), issuer: try row.text(5),
                    keyThumbprint: try row.optionalText(14), grantedAt: try row.time(6), expiresAt: try row.time(7)),
                redirectURI: try row.text(8), codeChallenge: try row.text(9), issuedAt: try row.time(10),
                expiresAt: try row.time(11), redeemedAt: try row.optionalTime(12), failures: try row.count(13))
        }
    }
}

extension AuthorizationCodeRecord {
    /// The count of failures of a code that was burnt by an administrative act: beyond every limit.
    static let burnt = 1_000_000
}
