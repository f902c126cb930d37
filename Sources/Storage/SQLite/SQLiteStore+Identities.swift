package import AuthorizationServer
package import OAuth
package import Telemetry

extension SQLiteStore: IdentityStore {
    package func signIn(
        _ identity: IdentityRecord, proposing proposed: UserRecord
    ) async throws(StoreError) -> IdentitySignIn {
        try await database.write { connection throws(StoreError) in
            if let known = try Self.identity(identity.id, connection), try Self.user(known.user, connection) != nil {
                try Self.update(known.user, identity, proposed, connection)
                guard let account = try Self.user(known.user, connection) else { return .nameTaken }
                return .account(account)
            }
            guard try Self.insert(proposed, connection) else { return .nameTaken }
            try connection.run(
                """
                INSERT OR REPLACE INTO identity (\(Self.identityColumns)) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                """, .digest(identity.id), .text(identity.provider), .id(proposed.id), .blob(identity.attributes),
                .optional(identity.sealedCredential), .time(identity.confirmedAt), .time(identity.askedAt))
            return .account(proposed)
        }
    }

    package func confirm(
        _ identity: IdentityRecord, updating account: UserRecord
    ) async throws(StoreError) -> Bool {
        try await database.write { connection throws(StoreError) in
            guard let known = try Self.identity(identity.id, connection), known.user == identity.user,
                try Self.user(known.user, connection) != nil
            else { return false }
            try Self.update(known.user, identity, account, connection)
            return true
        }
    }

    package func identity(_ id: SecretDigest) async throws(StoreError) -> IdentityRecord? {
        try await database.read { connection throws(StoreError) in try Self.identity(id, connection) }
    }

    package func identity(of user: UserID) async throws(StoreError) -> IdentityRecord? {
        try await database.read { connection throws(StoreError) in try Self.identity(of: user, connection) }
    }

    package func identities() async throws(StoreError) -> [IdentityRecord] {
        try await database.read { connection throws(StoreError) in
            try connection.rows("SELECT \(Self.identityColumns) FROM identity ORDER BY id") { row throws(StoreError) in
                try Self.identity(row)
            }
        }
    }

    package func takeTurn(
        toAskAbout user: UserID, ifAskedBefore threshold: Timestamp, at now: Timestamp
    ) async throws(StoreError) -> IdentityRecord? {
        try await database.write { [database] connection throws(StoreError) in
            let now = database.effective(now)
            let changed = try connection.run(
                "UPDATE identity SET asked_at = ?3 WHERE user = ?1 AND asked_at < ?2", .id(user), .time(threshold),
                .time(now))
            return changed > 0 ? try Self.identity(of: user, connection) : nil
        }
    }
}

extension SQLiteStore {
    private static let identityColumns =
        "id, provider, user, attributes, sealed_credential, confirmed_at, asked_at"

    private static func identity(_ row: SQLiteRow) throws(StoreError) -> IdentityRecord {
        IdentityRecord(
            id: try row.digest(0), provider: try row.text(1), user: UserID(try row.text(2)),
            attributes: try row.blob(3), sealedCredential: try row.optionalBlob(4), confirmedAt: try row.time(5),
            askedAt: try row.time(6))
    }

    private static func identity(
        _ id: SecretDigest, _ connection: SQLiteConnection
    ) throws(StoreError) -> IdentityRecord? {
        try connection.row("SELECT \(identityColumns) FROM identity WHERE id = ?1", .digest(id)) {
            row throws(StoreError) in try identity(row)
        }
    }

    private static func identity(
        of user: UserID, _ connection: SQLiteConnection
    ) throws(StoreError) -> IdentityRecord? {
        try connection.row("SELECT \(identityColumns) FROM identity WHERE user = ?1", .id(user)) {
            row throws(StoreError) in try identity(row)
        }
    }

    private static func update(
        _ user: UserID, _ identity: IdentityRecord, _ account: UserRecord, _ connection: SQLiteConnection
    ) throws(StoreError) {
        try connection.run(
            """
            UPDATE identity SET provider = ?2, attributes = ?3, sealed_credential = coalesce(?4, sealed_credential),
                confirmed_at = ?5, asked_at = ?6
            WHERE id = ?1
            """, .digest(identity.id), .text(identity.provider), .blob(identity.attributes),
            .optional(identity.sealedCredential), .time(identity.confirmedAt), .time(identity.askedAt))
        try connection.run(
            "UPDATE user SET display_name = ?2, email = ?3, groups = ?4 WHERE id = ?1", .id(user),
            .optional(account.displayName), .optional(account.email), .list(account.groups))
    }
}
