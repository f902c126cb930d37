package import AuthorizationServer
package import OAuth
package import Telemetry

extension SQLiteStore: OneTimeUseStore {
    package func firstUse(
        _ key: SecretDigest, until: Timestamp, at now: Timestamp
    ) async throws(StoreError) -> Bool {
        try await database.write { [database] connection throws(StoreError) in
            let now = database.effective(now)
            guard now < until else { return false }
            // Each use takes away a few that are over: the table is as large as what is within its window.
            try connection.run(
                """
                DELETE FROM one_time_use WHERE id IN (
                    SELECT id FROM one_time_use WHERE until <= ?1 ORDER BY until LIMIT 4)
                """, .time(now))
            let noted = try connection.run(
                """
                INSERT INTO one_time_use (id, until) VALUES (?1, ?2)
                ON CONFLICT (id) DO UPDATE SET until = ?2 WHERE until <= ?3
                """, .digest(key), .time(until), .time(now))
            return noted > 0
        }
    }
}

extension SQLiteStore: PushedRequestStore {
    package func push(_ request: PushedRequest, capacity: Int) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try Self.makeRoom(in: "pushed_request", by: "pushed_at", capacity: capacity, connection)
            try connection.run(
                """
                INSERT INTO pushed_request (id, client, parameters, pushed_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)
                """, .digest(request.id), .id(request.client), .blob(request.parameters), .time(request.pushedAt),
                .time(request.expiresAt))
        }
    }

    package func take(
        _ id: SecretDigest, of client: ClientID, at now: Timestamp
    ) async throws(StoreError) -> PushedRequestTaking {
        try await database.write { [database] connection throws(StoreError) in
            let now = database.effective(now)
            let request = try connection.row(
                "SELECT client, parameters, pushed_at, expires_at FROM pushed_request WHERE id = ?1", .digest(id)
            ) { row throws(StoreError) in
                PushedRequest(
                    id: id, client: ClientID(try row.text(0)), parameters: try row.blob(1),
                    pushedAt: try row.time(2), expiresAt: try row.time(3))
            }
            guard let request else { return .unknown }
            guard request.client == client else { return .wrongClient }
            try connection.run("DELETE FROM pushed_request WHERE id = ?1", .digest(id))
            return now < request.expiresAt ? .taken(parameters: request.parameters) : .expired
        }
    }

    /// Removes the oldest rows of a table until one more fits. Both names are ours, never a peer's.
    static func makeRoom(
        in table: StaticString, by age: StaticString, capacity: Int, _ connection: SQLiteConnection
    ) throws(StoreError) {
        let count = try connection.row("SELECT count(*) FROM \(table)") { row throws(StoreError) in try row.count(0) }
        let excess = (count ?? 0) + 1 - max(1, capacity)
        guard excess > 0 else { return }
        try connection.run(
            "DELETE FROM \(table) WHERE rowid IN (SELECT rowid FROM \(table) ORDER BY \(age), rowid LIMIT ?1)",
            .integer(Int64(excess)))
    }
}
