package import AuthorizationServer
package import Telemetry

extension SQLiteStore: SigningKeyStore {
    package func establish(_ initial: [SigningKeyRecord]) async throws(StoreError) -> [SigningKeyRecord] {
        try await database.write { connection throws(StoreError) in
            let any = try connection.row("SELECT 1 FROM signing_key") { row throws(StoreError) in try row.integer(0) }
            if any == nil {
                for key in initial { try Self.insert(key, connection) }
            }
            return try Self.signingKeys(connection)
        }
    }

    package func signingKeys() async throws(StoreError) -> [SigningKeyRecord] {
        try await database.read { connection throws(StoreError) in try Self.signingKeys(connection) }
    }

    package func add(
        _ key: SigningKeyRecord, unlessCreatedAfter threshold: Timestamp?
    ) async throws(StoreError) -> Bool {
        try await database.write { connection throws(StoreError) in
            if let threshold {
                let newer = try connection.row(
                    "SELECT 1 FROM signing_key WHERE retired_at IS NULL AND algorithm = ?1 AND created_at > ?2",
                    .text(key.algorithm), .time(threshold)
                ) { row throws(StoreError) in try row.integer(0) }
                guard newer == nil else { return false }
            }
            try Self.insert(key, connection)
            return true
        }
    }

    package func retire(_ id: String, at now: Timestamp) async throws(StoreError) -> KeyRetirement {
        let effective = database.effective(now)
        return try await database.write { connection throws(StoreError) in
            let retired = try connection.run(
                """
                UPDATE signing_key SET retired_at = ?2, sealed_private_key = x''
                WHERE id = ?1 AND retired_at IS NULL AND (signs_from > ?3 OR EXISTS (
                    SELECT 1 FROM signing_key other WHERE other.algorithm = signing_key.algorithm
                    AND other.id <> signing_key.id AND other.retired_at IS NULL AND other.signs_from <= ?3))
                """, .text(id), .time(effective), .time(now))
            guard retired == 0 else { return .retired }
            let isTrusted = try connection.row(
                "SELECT 1 FROM signing_key WHERE id = ?1 AND retired_at IS NULL", .text(id)
            ) { row throws(StoreError) in try row.integer(0) }
            return isTrusted == nil ? .unknown : .onlyKey
        }
    }

    private static func insert(_ key: SigningKeyRecord, _ connection: SQLiteConnection) throws(StoreError) {
        try connection.run(
            """
            INSERT INTO signing_key (id, algorithm, sealed_private_key, created_at, signs_from, retired_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            """, .text(key.id), .text(key.algorithm), .blob(key.sealedPrivateKey), .time(key.createdAt),
            .time(key.signsFrom), .time(key.retiredAt))
    }

    private static func signingKeys(_ connection: SQLiteConnection) throws(StoreError) -> [SigningKeyRecord] {
        try connection.rows(
            """
            SELECT id, algorithm, sealed_private_key, created_at, signs_from, retired_at FROM signing_key
            WHERE retired_at IS NULL ORDER BY created_at, rowid
            """
        ) { row throws(StoreError) in
            SigningKeyRecord(
                id: try row.text(0), algorithm: try row.text(1), sealedPrivateKey: try row.blob(2),
                createdAt: try row.time(3), signsFrom: try row.time(4), retiredAt: try row.optionalTime(5))
        }
    }
}

extension SQLiteStore: ExpirySweeper {
    package func sweep(at now: Timestamp, revocationsBefore: Timestamp) async throws(StoreError) -> Int {
        try await database.write { [database] connection throws(StoreError) in
            try Self.sweep(at: database.effective(now), revocationsBefore: revocationsBefore, connection)
        }
    }

    /// The same as part of another act.
    static func sweep(
        at now: Timestamp, revocationsBefore: Timestamp, _ connection: SQLiteConnection
    ) throws(StoreError) -> Int {
        var swept = 0
        for statement in Self.sweeps { swept += try connection.run(statement, .time(now)) }
        swept += try connection.run("DELETE FROM revocation WHERE revoked_at < ?1", .time(revocationsBefore))
        return swept
    }

    /// A used code stays until its grant ends, so that a late replay is recognised.
    private static let sweeps = [
        "DELETE FROM authorization_transaction WHERE expires_at <= ?1",
        """
        DELETE FROM authorization_code WHERE grant_expires_at <= ?1 OR (redeemed_at IS NULL AND expires_at <= ?1)
        """,
        "DELETE FROM one_time_link WHERE expires_at <= ?1 OR used_at IS NOT NULL",
        "DELETE FROM grant_family WHERE expires_at <= ?1",
        "DELETE FROM browser_session WHERE last_seen_at <= ?1 - 7776000000",
        "DELETE FROM one_time_use WHERE until <= ?1",
        "DELETE FROM pushed_request WHERE expires_at <= ?1",
        "DELETE FROM device_authorization WHERE ifnull(grant_expires_at, expires_at) <= ?1",
        "DELETE FROM api_key WHERE min(expires_at, ifnull(revoked_at, expires_at)) <= ?1 - 7776000000",
    ]
}
