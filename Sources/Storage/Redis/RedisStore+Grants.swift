package import AuthorizationServer
package import OAuth
package import Telemetry

extension RedisStore: GrantStore {
    package func open(
        _ grant: GrantRecord, refreshToken: SecretDigest?, at now: Timestamp
    ) async throws(StoreError) -> GrantOpening {
        let answer = try await run(
            .openGrant,
            [
                grant.id.redis, refreshToken?.bytes ?? [], time(now),
                .word(grant.user.isServiceAccount ? "service" : "account"),
            ] + Self.fields(of: grant).arguments)
        switch answer.word {
        case "opened": return .opened
        case "noSuchUser": return .noSuchUser
        default: throw answer.unexpected
        }
    }

    package func grant(_ id: GrantID) async throws(StoreError) -> GrantRecord? {
        guard let record = try await record("grant", id.redis) else { return nil }
        return try Self.grant(record)
    }

    package func grants(of user: UserID, at now: Timestamp) async throws(StoreError) -> [GrantRecord] {
        try Self.newestFirst(try await run(.grantsOfUser, [user.redis, time(now)]).records())
    }

    package func grants(
        of user: UserID?, to client: ClientID?, limit: Int, at now: Timestamp
    ) async throws(StoreError) -> [GrantRecord] {
        var index = RedisFields()
        index.set("user", user?.value)
        index.set("client", client?.value)
        let answer = try await run(.liveGrants, [time(now), .number(max(0, limit))] + index.arguments)
        return Array(try Self.newestFirst(answer.records()).prefix(max(0, limit)))
    }

    package func lastUses(of user: UserID, at now: Timestamp) async throws(StoreError) -> [GrantID: Timestamp] {
        var uses: [GrantID: Timestamp] = [:]
        for record in try await run(.grantsOfUser, [user.redis, time(now)]).records() {
            uses[GrantID(try record.text("id"))] = try record.optionalTime("used")
        }
        return uses
    }

    package func revoke(
        _ id: GrantID, reason: RevocationReason, at now: Timestamp
    ) async throws(StoreError) -> GrantRevocation {
        try Self.revocation(try await run(.revokeGrant, [id.redis, .word(reason.rawValue), time(now)]))
    }

    package func revokeAll(
        of user: UserID, reason: RevocationReason, at now: Timestamp
    ) async throws(StoreError) -> [GrantID] {
        try await run(.revokeGrantsOfUser, [user.redis, .word(reason.rawValue), time(now)]).texts().map(GrantID.init)
    }
}

// MARK: - Steps shared with the other verbs

extension RedisStore {
    /// The fields of a grant without its id, as `openGrant` of the prelude reads them.
    static func fields(of grant: GrantRecord) -> RedisFields {
        var fields = RedisFields()
        fields.set("user", grant.user)
        fields.set("client", grant.client)
        fields.set("scope", list: grant.scope.tokens)
        fields.set("resources", list: grant.resources)
        fields.set("issuer", grant.issuer)
        fields.set("thumbprint", grant.keyThumbprint)
        fields.set("granted", grant.grantedAt)
        fields.set("ends", grant.expiresAt)
        return fields
    }

    /// A grant whose id stands in the field `id`.
    static func grant(_ record: RedisRecord, id: String = "id") throws(StoreError) -> GrantRecord {
        GrantRecord(
            id: GrantID(try record.text(id)), user: UserID(try record.text("user")),
            client: ClientID(try record.text("client")), scope: Scope(tokens: try record.list("scope")),
            resources: try record.list("resources"), issuer: try record.text("issuer"),
            keyThumbprint: try record.optionalText("thumbprint"), grantedAt: try record.time("granted"),
            expiresAt: try record.time("ends"), revokedAt: try record.optionalTime("revoked"))
    }

    static func newestFirst(_ records: [RedisRecord]) throws(StoreError) -> [GrantRecord] {
        var grants: [(record: GrantRecord, order: Int64)] = []
        for record in records { grants.append((try grant(record), try record.integer("order"))) }
        return grants.sorted { ($0.record.grantedAt, $0.order) > ($1.record.grantedAt, $1.order) }.map(\.record)
    }

    /// What the word of a revoking script means.
    static func revocation(_ answer: RedisAnswer) throws(StoreError) -> GrantRevocation {
        switch answer.word {
        case "revoked": return .revoked
        case "already": return .alreadyRevoked
        case "unknown": return .unknown
        default: throw answer.unexpected
        }
    }
}

extension RedisScript {
    fileprivate static let openGrant = RedisScript(
        .decision,
        """
        local now = effective(ARGV[3])
        local grant = given(5)
        if ARGV[4] ~= 'service' and not isOpen(grant.user) then return {'noSuchUser'} end
        openGrant(ARGV[1], grant, ARGV[2], now)
        return {'opened'}
        """)

    fileprivate static let grantsOfUser = RedisScript(
        .none,
        """
        local now = latest(ARGV[2])
        local answer = {'grants'}
        for _, id in ipairs(redis.call('ZRANGE', key('grant.user', ARGV[1]), 0, -1)) do
          local grant = get('grant', id)
          if grant and not grant.revoked and now < tonumber(grant.ends) then answer[#answer + 1] = flat(grant) end
        end
        return answer
        """)

    /// Of a user or a client all live ones; of everybody the newest, so many as were asked for.
    fileprivate static let liveGrants = RedisScript(
        .none,
        """
        local now = latest(ARGV[1])
        local limit = tonumber(ARGV[2])
        local wanted = given(3)
        local function isWanted(grant)
          return grant and not grant.revoked and now < tonumber(grant.ends)
            and (not wanted.user or grant.user == wanted.user) and (not wanted.client or grant.client == wanted.client)
        end
        local answer = {'grants'}
        local function add(ids)
          for _, id in ipairs(ids) do
            local grant = get('grant', id)
            if isWanted(grant) then answer[#answer + 1] = flat(grant) end
          end
        end
        if wanted.user then
          add(redis.call('ZRANGE', key('grant.user', wanted.user), 0, -1))
        elseif wanted.client then
          add(redis.call('ZRANGE', key('grant.client', wanted.client), 0, -1))
        else
          local position = 0
          while #answer <= limit do
            local ids = redis.call('ZRANGE', P .. 'grant.age', position, position + 199, 'REV')
            if #ids == 0 then break end
            add(ids)
            position = position + #ids
          end
        end
        return answer
        """)

    fileprivate static let revokeGrant = RedisScript(
        .decision, "return {revoke(ARGV[1], ARGV[2], effective(ARGV[3]))}")

    fileprivate static let revokeGrantsOfUser = RedisScript(
        .decision,
        """
        local answer = revokeAll(ARGV[1], ARGV[2], effective(ARGV[3]))
        table.insert(answer, 1, 'ended')
        return answer
        """)
}
