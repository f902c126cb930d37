package import AuthorizationServer
import OAuth
package import Telemetry

extension SQLiteStore: StoreSurvey {
    package func census(
        lifetime: SessionLifetime, at now: Timestamp
    ) async throws(StoreError) -> [StoreEntry: Int] {
        let now = database.effective(now)
        let started = Timestamp(millisecondsSinceEpoch: now.millisecondsSinceEpoch - lifetime.absoluteMilliseconds)
        let seen = Timestamp(millisecondsSinceEpoch: now.millisecondsSinceEpoch - lifetime.idleMilliseconds)
        return try await database.read { connection throws(StoreError) in
            var census: [StoreEntry: Int] = [:]
            for entry in StoreEntry.allCases {
                // The statements differ in which of the times they look at; each is bound to all three.
                let sql = "SELECT count(*) FROM \(Self.rows(of: entry)) AND ?1 + ?2 + ?3 IS NOT NULL"
                census[entry] = try connection.row(sql, .time(now), .time(started), .time(seen)) {
                    row throws(StoreError) in try row.count(0)
                }
            }
            return census
        }
    }

    package func leftovers(
        revocationsBefore: Timestamp, neverUsedBefore: Timestamp, idleBefore: Timestamp, at now: Timestamp
    ) async throws(StoreError) -> StoreLeftovers {
        try await database.write { [database] connection throws(StoreError) in
            // Done and taken back: what is counted is what would go.
            try connection.run("SAVEPOINT survey")
            let rows = try Self.sweep(
                at: database.effective(now), revocationsBefore: revocationsBefore, connection)
            let clients = try Self.removeClients(
                neverUsedBefore: neverUsedBefore, idleBefore: idleBefore, connection)
            try connection.run("ROLLBACK TO survey")
            try connection.run("RELEASE survey")
            return StoreLeftovers(rows: rows, clients: clients)
        }
    }

    /// Table and condition of an entry; ?1 is now, ?2 and ?3 when the oldest live session began and was seen.
    private static func rows(of entry: StoreEntry) -> String {
        switch entry {
        case .users: "user WHERE true"
        case .disabledUsers: "user WHERE is_disabled = 1"
        case .administrators: "user WHERE is_administrator = 1"
        case .clients: "client WHERE true"
        case .unusedClients: "client WHERE last_used_at IS NULL"
        case .liveGrants: "grant_family WHERE revoked_at IS NULL AND expires_at > ?1"
        case .revokedGrants: "grant_family WHERE revoked_at IS NOT NULL"
        case .refreshTokens: "refresh_token WHERE true"
        case .openCodes:
            """
            authorization_code
            WHERE redeemed_at IS NULL AND expires_at > ?1 AND failures < \(AuthorizationCodeRecord.burnt)
            """
        case .openLogins: "authorization_transaction WHERE stage != 'finished' AND expires_at > ?1"
        case .openDevices: "device_authorization WHERE stage = 'pending' AND expires_at > ?1"
        case .browserSessions: "browser_session WHERE started_at > ?2 AND last_seen_at > ?3"
        case .consents: "consent WHERE true"
        case .liveAPIKeys: "api_key WHERE revoked_at IS NULL AND expires_at > ?1"
        case .signingKeys: "signing_key WHERE retired_at IS NULL"
        }
    }
}
