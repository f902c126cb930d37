package import AuthorizationServer
package import OAuth
package import Telemetry

extension SQLiteStore: DeviceAuthorizationStore {
    package func begin(_ authorization: DeviceAuthorization, capacity: Int) async throws(StoreError) -> Bool {
        try await database.write { connection throws(StoreError) in
            try Self.makeRoom(in: "device_authorization", by: "began_at", capacity: capacity, connection)
            let added = try connection.run(
                """
                INSERT INTO device_authorization (id, user_code, client, scope, resources, issuer, stage, began_at,
                    expires_at, interval, polled_at)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (user_code) DO NOTHING
                """, .digest(authorization.id), .digest(authorization.userCode), .id(authorization.client),
                .list(authorization.scope.tokens), .list(authorization.resources), .text(authorization.issuer),
                .text(authorization.stage.rawValue), .time(authorization.beganAt), .time(authorization.expiresAt),
                .integer(authorization.interval), .time(authorization.polledAt))
            return added > 0
        }
    }

    package func deviceAuthorization(userCode: SecretDigest) async throws(StoreError) -> DeviceAuthorization? {
        try await database.read { connection throws(StoreError) in
            try connection.row(
                "SELECT \(Self.deviceColumns) FROM device_authorization WHERE user_code = ?1", .digest(userCode)
            ) { row throws(StoreError) in try Self.device(row) }
        }
    }

    package func decide(
        _ id: SecretDigest, grant: GrantRecord?, at now: Timestamp
    ) async throws(StoreError) -> DeviceDecision {
        try await database.write { [database] connection throws(StoreError) in
            let now = database.effective(now)
            guard let device = try Self.device(id, connection) else { return .unknown }
            guard device.stage == .pending else { return .alreadyDecided }
            guard now < device.expiresAt else { return .expired }
            let stage = grant == nil ? DeviceAuthorization.Stage.denied : .approved
            try connection.run(
                """
                UPDATE device_authorization SET stage = ?2, grant_id = ?3, grant_user = ?4, grant_scope = ?5,
                    grant_resources = ?6, granted_at = ?7, grant_expires_at = ?8 WHERE id = ?1
                """, .digest(id), .text(stage.rawValue), .optional(grant?.id.value), .optional(grant?.user.value),
                .optional(grant.map { LengthCoded.encode($0.scope.tokens) }),
                .optional(grant.map { LengthCoded.encode($0.resources) }), .time(grant?.grantedAt),
                .time(grant?.expiresAt))
            return .decided
        }
    }

    package func poll(
        _ id: SecretDigest, of client: ClientID, refreshToken: SecretDigest, keyThumbprint: String?, at now: Timestamp
    ) async throws(StoreError) -> DevicePoll {
        try await database.write { [database] connection throws(StoreError) in
            let now = database.effective(now)
            guard let device = try Self.device(id, connection) else { return .unknown }
            let outcome = device.poll(by: client, at: now)
            switch outcome {
            case .slowDown, .pending:
                let interval = outcome == .slowDown ? device.slowerInterval : device.interval
                try connection.run(
                    "UPDATE device_authorization SET polled_at = ?2, interval = ?3 WHERE id = ?1", .digest(id),
                    .time(now), .integer(interval))
                return outcome
            case .reused(let grant):
                _ = try Self.revoke(grant, reason: .codeReuse, at: now, connection)
                return outcome
            case .redeemed(var grant):
                grant.keyThumbprint = keyThumbprint
                try connection.run(
                    "UPDATE device_authorization SET stage = 'redeemed' WHERE id = ?1", .digest(id))
                try Self.insert(grant, connection)
                try Self.insert(
                    RefreshTokenRecord(id: refreshToken, grant: grant.id, generation: 0, issuedAt: now), connection)
                return .redeemed(grant)
            case .denied, .expired, .wrongClient, .unknown:
                return outcome
            }
        }
    }
}

extension SQLiteStore {
    private static let deviceColumns = """
        id, user_code, client, scope, resources, issuer, stage, began_at, expires_at, interval, polled_at, grant_id,
        grant_user, grant_scope, grant_resources, granted_at, grant_expires_at
        """

    private static func device(
        _ id: SecretDigest, _ connection: SQLiteConnection
    ) throws(StoreError) -> DeviceAuthorization? {
        try connection.row("SELECT \(deviceColumns) FROM device_authorization WHERE id = ?1", .digest(id)) {
            row throws(StoreError) in try device(row)
        }
    }

    private static func device(_ row: SQLiteRow) throws(StoreError) -> DeviceAuthorization {
        guard let stage = DeviceAuthorization.Stage(rawValue: try row.text(6)) else {
            throw StoreError(.corrupt, detail: "sqlite: unknown stage of a device authorization")
        }
        let client = ClientID(try row.text(2))
        let issuer = try row.text(5)
        var grant: GrantRecord?
        if let grantID = try row.optionalText(11) {
            grant = GrantRecord(
                id: GrantID(grantID), user: UserID(try row.text(12)), client: client,
                scope: Scope(tokens: try row.list(13)), resources: try row.list(14), issuer: issuer,
                grantedAt: try row.time(15), expiresAt: try row.time(16))
        }
        return DeviceAuthorization(
            id: try row.digest(0), userCode: try row.digest(1), client: client, scope: Scope(tokens: try row.list(3)),
            resources: try row.list(4), issuer: issuer, stage: stage, grant: grant, beganAt: try row.time(7),
            expiresAt: try row.time(8), interval: try row.integer(9), polledAt: try row.optionalTime(10))
    }
}

extension DeviceAuthorization {
    /// The interval after a poll that came too early.
    var slowerInterval: Int64 { min(interval + DeviceAuthorization.slowDown, DeviceAuthorization.longestInterval) }

    /// What a poll at `now` finds. The backend makes it so.
    func poll(by asking: ClientID, at now: Timestamp) -> DevicePoll {
        guard client == asking else { return .wrongClient }
        if stage == .redeemed, let grant { return .reused(grant.id) }
        guard now < expiresAt else { return .expired }
        if stage == .denied { return .denied }
        if stage == .approved, let grant { return .redeemed(grant) }
        if let polledAt, now.milliseconds(since: polledAt) < interval { return .slowDown }
        return .pending
    }
}
