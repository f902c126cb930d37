package import AuthorizationServer
package import OAuth
package import Telemetry

extension SQLiteStore: ClientStore {
    package func register(
        _ client: ClientRecord, capacity: Int, evictableBefore: Timestamp
    ) async throws(StoreError) -> ClientRegistrationOutcome {
        try await database.write { connection throws(StoreError) in
            let count = try connection.row("SELECT count(*) FROM client") { row throws(StoreError) in try row.count(0) }
            if count ?? 0 >= capacity {
                let evicted = try connection.run(
                    """
                    DELETE FROM client WHERE id = (
                        SELECT id FROM client WHERE last_used_at IS NULL AND registered_at < ?1 AND is_managed = 0
                        ORDER BY registered_at LIMIT 1)
                    """, .time(evictableBefore))
                guard evicted > 0 else { return .full }
            }
            try connection.run(
                "INSERT INTO client (\(Self.clientColumns)) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                .id(client.id), .blob(client.metadata), .digest(client.secretDigest),
                .digest(client.registrationDigest),
                .boolean(client.isManaged), .boolean(client.isFirstParty),
                .optional(client.resources.map { LengthCoded.encode($0) }), .time(client.registeredAt),
                .time(client.lastUsedAt))
            return .registered
        }
    }

    package func client(_ id: ClientID) async throws(StoreError) -> ClientRecord? {
        try await database.read { connection throws(StoreError) in
            try Self.client(id, connection)
        }
    }

    package func markUsed(_ id: ClientID, at now: Timestamp) async throws(StoreError) {
        let now = database.effective(now)
        let notedBefore = Timestamp(millisecondsSinceEpoch: now.millisecondsSinceEpoch - 3_600_000)
        // Most calls find a recent note and cost no commit.
        let isNoted = try await database.read { connection throws(StoreError) in
            try connection.row("SELECT 1 FROM client WHERE id = ?1 AND last_used_at > ?2", .id(id), .time(notedBefore))
            {
                row throws(StoreError) in try row.integer(0)
            } != nil
        }
        guard !isNoted else { return }
        try await database.write { connection throws(StoreError) in
            try connection.run(
                "UPDATE client SET last_used_at = ?2 WHERE id = ?1 AND ifnull(last_used_at, -1) < ?2", .id(id),
                .time(now))
        }
    }

    package func removeClients(neverUsedBefore: Timestamp, idleBefore: Timestamp) async throws(StoreError) -> Int {
        try await database.write { connection throws(StoreError) in
            try Self.removeClients(neverUsedBefore: neverUsedBefore, idleBefore: idleBefore, connection)
        }
    }

    /// The same as part of another act.
    static func removeClients(
        neverUsedBefore: Timestamp, idleBefore: Timestamp, _ connection: SQLiteConnection
    ) throws(StoreError) -> Int {
        let mark =
            try connection.row("SELECT mark FROM clock") { row throws(StoreError) in try row.integer(0) } ?? 0
        return try connection.run(
            """
            DELETE FROM client WHERE is_managed = 0 AND ((last_used_at IS NULL AND registered_at < ?1)
                OR (last_used_at < ?2 AND NOT EXISTS (
                    SELECT 1 FROM grant_family
                    WHERE client = client.id AND revoked_at IS NULL AND expires_at > ?3)))
            """, .time(neverUsedBefore), .time(idleBefore), .integer(mark))
    }
}

// MARK: - Rows

extension SQLiteStore {
    static let clientColumns = """
        id, metadata, secret_digest, registration_digest, is_managed, is_first_party, resources, registered_at, last_used_at
        """

    /// A row of `clientColumns`.
    static func client(_ row: SQLiteRow) throws(StoreError) -> ClientRecord {
        ClientRecord(
            id: ClientID(try row.text(0)), metadata: try row.blob(1),
            secretDigest: try row.optionalBlob(2).map(SecretDigest.init),
            registrationDigest: try row.optionalBlob(3).map(SecretDigest.init), isManaged: try row.boolean(4),
            isFirstParty: try row.boolean(5), resources: try row.optionalBlob(6) == nil ? nil : row.list(6),
            registeredAt: try row.time(7), lastUsedAt: try row.optionalTime(8))
    }

    static func client(_ id: ClientID, _ connection: SQLiteConnection) throws(StoreError) -> ClientRecord? {
        try connection.row("SELECT \(clientColumns) FROM client WHERE id = ?1", .id(id)) {
            row throws(StoreError) in try client(row)
        }
    }
}
