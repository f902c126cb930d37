package import AuthorizationServer
package import OAuth
package import Telemetry

extension SQLiteStore: AuthorizationTransactionStore {
    package func begin(_ transaction: AuthorizationTransaction, capacity: Int) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            let count = try connection.row("SELECT count(*) FROM authorization_transaction") { row throws(StoreError) in
                try row.count(0)
            }
            let excess = (count ?? 0) + 1 - max(1, capacity)
            if excess > 0 {
                try connection.run(
                    """
                    DELETE FROM authorization_transaction WHERE id IN (
                        SELECT id FROM authorization_transaction ORDER BY began_at, rowid LIMIT ?1)
                    """, .integer(Int64(excess)))
            }
            try connection.run(
                """
                INSERT INTO authorization_transaction (id, browser, stage, request, user, began_at, expires_at)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                """, .digest(transaction.id), .digest(transaction.browser), .text(transaction.stage.rawValue),
                .blob(transaction.request), .optional(transaction.user?.value), .time(transaction.beganAt),
                .time(transaction.expiresAt))
        }
    }

    package func transaction(_ id: SecretDigest) async throws(StoreError) -> AuthorizationTransaction? {
        try await database.read { connection throws(StoreError) in try Self.transaction(id, connection) }
    }

    package func advance(
        _ id: SecretDigest, browser: SecretDigest, from stage: AuthorizationTransaction.Stage,
        to next: AuthorizationTransaction.Stage, user: UserID?, at now: Timestamp
    ) async throws(StoreError) -> TransactionAdvance {
        try await database.write { [database] connection throws(StoreError) in
            let now = database.effective(now)
            guard var transaction = try Self.transaction(id, connection) else { return .unknown }
            guard transaction.browser == browser else { return .wrongBrowser }
            guard transaction.stage == stage else { return .wrongStage(transaction.stage) }
            guard now < transaction.expiresAt else { return .expired }
            transaction.stage = next
            transaction.user = user ?? transaction.user
            try connection.run(
                "UPDATE authorization_transaction SET stage = ?2, user = ?3 WHERE id = ?1", .digest(id),
                .text(next.rawValue), .optional(transaction.user?.value))
            return .advanced(transaction)
        }
    }

    private static func transaction(
        _ id: SecretDigest, _ connection: SQLiteConnection
    ) throws(StoreError) -> AuthorizationTransaction? {
        try connection.row(
            """
            SELECT browser, stage, request, user, began_at, expires_at
            FROM authorization_transaction WHERE id = ?1
            """, .digest(id)
        ) { row throws(StoreError) in
            guard let stage = AuthorizationTransaction.Stage(rawValue: try row.text(1)) else {
                throw StoreError(.corrupt, detail: "sqlite: unknown stage of a transaction")
            }
            return AuthorizationTransaction(
                id: id, browser: try row.digest(0), stage: stage, request: try row.blob(2),
                user: try row.optionalText(3).map(UserID.init), beganAt: try row.time(4), expiresAt: try row.time(5))
        }
    }
}
