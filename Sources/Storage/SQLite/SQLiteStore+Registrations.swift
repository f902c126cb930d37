package import AuthorizationServer
package import OAuth
package import Telemetry

extension SQLiteStore: ClientRegistrationStore {
    package func client(
        _ id: ClientID, presenting token: SecretDigest
    ) async throws(StoreError) -> ClientRecord? {
        try await database.write { connection throws(StoreError) in
            guard try Self.accepts(token, of: id, connection) else { return nil }
            try connection.run(
                """
                UPDATE client SET previous_registration_digest = NULL
                WHERE id = ?1 AND registration_digest = ?2 AND previous_registration_digest IS NOT NULL
                """, .id(id), .digest(token))
            return try Self.client(id, connection)
        }
    }

    package func replace(
        _ id: ClientID, metadata: [UInt8], secretDigest: SecretDigest?, presenting token: SecretDigest,
        successor: SecretDigest
    ) async throws(StoreError) -> Bool {
        try await database.write { connection throws(StoreError) in
            guard try Self.accepts(token, of: id, connection) else { return false }
            try connection.run(
                """
                UPDATE client SET metadata = ?2, secret_digest = ?3, registration_digest = ?4,
                    previous_registration_digest = ?5 WHERE id = ?1
                """, .id(id), .blob(metadata), .digest(secretDigest), .digest(successor), .digest(token))
            return true
        }
    }

    package func removeClient(
        _ id: ClientID, presenting token: SecretDigest?, at now: Timestamp
    ) async throws(StoreError) -> [GrantID]? {
        try await database.write { [database] connection throws(StoreError) in
            if let token, try !Self.accepts(token, of: id, connection) { return nil }
            guard try connection.run("DELETE FROM client WHERE id = ?1", .id(id)) > 0 else { return nil }
            try connection.run("DELETE FROM consent WHERE client = ?1", .id(id))
            return try Self.endGrants(of: id, at: database.effective(now), connection)
        }
    }

    package func clients(after id: ClientID?, limit: Int) async throws(StoreError) -> [ClientRecord] {
        try await database.read { connection throws(StoreError) in
            try connection.rows(
                "SELECT \(Self.clientColumns) FROM client WHERE ?1 IS NULL OR id > ?1 ORDER BY id LIMIT ?2",
                .optional(id?.value), .integer(Int64(max(0, limit)))
            ) { row throws(StoreError) in try Self.client(row) }
        }
    }

    private static func accepts(
        _ token: SecretDigest, of id: ClientID, _ connection: SQLiteConnection
    ) throws(StoreError) -> Bool {
        try connection.row(
            "SELECT 1 FROM client WHERE id = ?1 AND ?2 IN (registration_digest, previous_registration_digest)", .id(id),
            .digest(token)
        ) { row throws(StoreError) in try row.integer(0) } != nil
    }

    private static func endGrants(
        of client: ClientID, at now: Timestamp, _ connection: SQLiteConnection
    ) throws(StoreError) -> [GrantID] {
        try connection.run(
            """
            UPDATE authorization_code SET failures = \(AuthorizationCodeRecord.burnt)
            WHERE client = ?1 AND redeemed_at IS NULL
            """, .id(client))
        let live = try connection.rows(
            "SELECT id FROM grant_family WHERE client = ?1 AND revoked_at IS NULL AND expires_at > ?2", .id(client),
            .time(now)
        ) { row throws(StoreError) in GrantID(try row.text(0)) }
        for id in live { _ = try revoke(id, reason: .clientRemoved, at: now, connection) }
        return live
    }
}
