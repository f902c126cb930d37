package import AuthorizationServer
package import OAuth
package import Telemetry

extension SQLiteStore: OneTimeLinkStore {
    package func issue(_ link: OneTimeLink) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try connection.run("DELETE FROM one_time_link WHERE user = ?1 AND used_at IS NULL", .id(link.user))
            try connection.run(
                "INSERT INTO one_time_link (id, user, issued_at, expires_at, used_at) VALUES (?1, ?2, ?3, ?4, ?5)",
                .digest(link.id), .id(link.user), .time(link.issuedAt), .time(link.expiresAt), .time(link.usedAt))
        }
    }

    package func link(_ id: SecretDigest) async throws(StoreError) -> OneTimeLink? {
        try await database.read { connection throws(StoreError) in try Self.link(id, connection) }
    }

    package func firstUse(
        of id: SecretDigest, settingPassword hash: String, at now: Timestamp
    ) async throws(StoreError) -> OneTimeLinkUse {
        try await database.write { [database] connection throws(StoreError) in
            let now = database.effective(now)
            guard let link = try Self.link(id, connection) else { return .unknown }
            guard link.usedAt == nil else { return .used }
            guard now < link.expiresAt else { return .expired }
            try connection.run("UPDATE one_time_link SET used_at = ?2 WHERE id = ?1", .digest(id), .time(now))
            try Self.setPassword(hash, of: link.user, at: now, connection)
            return .first(link.user)
        }
    }

    private static func link(_ id: SecretDigest, _ connection: SQLiteConnection) throws(StoreError) -> OneTimeLink? {
        try connection.row(
            "SELECT user, issued_at, expires_at, used_at FROM one_time_link WHERE id = ?1", .digest(id)
        ) { row throws(StoreError) in
            OneTimeLink(
                id: id, user: UserID(try row.text(0)), issuedAt: try row.time(1), expiresAt: try row.time(2),
                usedAt: try row.optionalTime(3))
        }
    }
}

extension SQLiteStore: BrowserSessionStore {
    package func start(_ session: BrowserSession, replacing previous: SecretDigest?) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            if let previous {
                try connection.run("DELETE FROM browser_session WHERE id = ?1", .digest(previous))
            }
            try connection.run(
                "INSERT INTO browser_session (id, user, started_at, last_seen_at) VALUES (?1, ?2, ?3, ?4)",
                .digest(session.id), .id(session.user), .time(session.startedAt), .time(session.lastSeenAt))
        }
    }

    package func touch(
        _ id: SecretDigest, lifetime: SessionLifetime, at now: Timestamp
    ) async throws(StoreError) -> BrowserSession? {
        let now = database.effective(now)
        let found = try await database.read { connection throws(StoreError) in try Self.session(id, connection) }
        guard let found else { return nil }
        // A session seen within the last minute needs no write.
        if lifetime.isLive(found, at: now), now.milliseconds(since: found.lastSeenAt) < 60_000 { return found }
        return try await database.write { [database] connection throws(StoreError) in
            let now = database.effective(now)
            guard var session = try Self.session(id, connection) else { return nil }
            guard lifetime.isLive(session, at: now) else {
                try connection.run("DELETE FROM browser_session WHERE id = ?1", .digest(id))
                return nil
            }
            session.lastSeenAt = max(session.lastSeenAt, now)
            try connection.run(
                "UPDATE browser_session SET last_seen_at = ?2 WHERE id = ?1", .digest(id), .time(session.lastSeenAt))
            return session
        }
    }

    package func sessions(
        of user: UserID?, lifetime: SessionLifetime, at now: Timestamp
    ) async throws(StoreError) -> [BrowserSession] {
        let now = database.effective(now)
        let stored = try await database.read { connection throws(StoreError) in
            try connection.rows(
                """
                SELECT id, user, started_at, last_seen_at FROM browser_session
                WHERE ?1 IS NULL OR user = ?1 ORDER BY last_seen_at DESC, rowid DESC
                """, .optional(user?.value)
            ) { row throws(StoreError) in
                BrowserSession(
                    id: try row.digest(0), user: UserID(try row.text(1)), startedAt: try row.time(2),
                    lastSeenAt: try row.time(3))
            }
        }
        return stored.filter { lifetime.isLive($0, at: now) }
    }

    package func endSessions(of user: UserID?, except kept: SecretDigest?) async throws(StoreError) -> Int {
        try await database.write { connection throws(StoreError) in
            try connection.run(
                "DELETE FROM browser_session WHERE (?1 IS NULL OR user = ?1) AND (?2 IS NULL OR id != ?2)",
                .optional(user?.value), .digest(kept))
        }
    }

    package func end(_ id: SecretDigest) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try connection.run("DELETE FROM browser_session WHERE id = ?1", .digest(id))
        }
    }

    private static func session(
        _ id: SecretDigest, _ connection: SQLiteConnection
    ) throws(StoreError) -> BrowserSession? {
        try connection.row("SELECT user, started_at, last_seen_at FROM browser_session WHERE id = ?1", .digest(id)) {
            row throws(StoreError) in
            BrowserSession(
                id: id, user: UserID(try row.text(0)), startedAt: try row.time(1), lastSeenAt: try row.time(2))
        }
    }
}

extension SessionLifetime {
    /// Whether `session` has neither idled too long nor outlived its absolute end.
    func isLive(_ session: BrowserSession, at now: Timestamp) -> Bool {
        now.milliseconds(since: session.lastSeenAt) < idleMilliseconds
            && now.milliseconds(since: session.startedAt) < absoluteMilliseconds
    }
}

extension Timestamp {
    /// How many milliseconds passed since `earlier`.
    func milliseconds(since earlier: Timestamp) -> Int64 {
        millisecondsSinceEpoch &- earlier.millisecondsSinceEpoch
    }
}

extension SQLiteStore: ConsentStore {
    package func remember(_ consent: ConsentRecord) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try connection.run(
                """
                INSERT INTO consent (id, user, client, given_at) VALUES (?1, ?2, ?3, ?4)
                ON CONFLICT (id) DO UPDATE SET given_at = max(given_at, ?4)
                """, .digest(consent.id), .id(consent.user), .id(consent.client), .time(consent.givenAt))
        }
    }

    package func isRemembered(_ id: SecretDigest, notBefore: Timestamp) async throws(StoreError) -> Bool {
        try await database.read { connection throws(StoreError) in
            try connection.row("SELECT 1 FROM consent WHERE id = ?1 AND given_at > ?2", .digest(id), .time(notBefore)) {
                row throws(StoreError) in try row.integer(0)
            } != nil
        }
    }

    package func forgetConsents(of user: UserID, to client: ClientID) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try connection.run("DELETE FROM consent WHERE user = ?1 AND client = ?2", .id(user), .id(client))
        }
    }
}
