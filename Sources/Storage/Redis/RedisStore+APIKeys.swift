package import AuthorizationServer
package import OAuth
package import Telemetry

extension RedisStore: APIKeyStore {
    package func add(_ key: APIKeyRecord, limit: Int, at now: Timestamp) async throws(StoreError) -> APIKeyAddition {
        let answer = try await run(
            .addAPIKey, [.number(limit), time(now)] + Self.fields(of: key).arguments)
        switch answer.word {
        case "added": return .added
        case "noSuchUser": return .noSuchUser
        case "tooMany": return .tooMany
        default: throw answer.unexpected
        }
    }

    package func apiKey(_ digest: SecretDigest) async throws(StoreError) -> APIKeyRecord? {
        guard let record = try await run(.apiKeyByDigest, [digest.bytes]).optionalRecord(1) else { return nil }
        return try Self.apiKey(record)
    }

    package func apiKeys(of user: UserID?) async throws(StoreError) -> [APIKeyRecord] {
        var keys: [(record: APIKeyRecord, order: Int64)] = []
        for record in try await run(.apiKeys, user.map { [$0.redis] } ?? []).records() {
            keys.append((try Self.apiKey(record), try record.integer("order")))
        }
        return keys.sorted { ($0.record.createdAt, $0.order) > ($1.record.createdAt, $1.order) }.map(\.record)
    }

    package func revokeAPIKey(
        _ id: GrantID, of user: UserID?, at now: Timestamp
    ) async throws(StoreError) -> GrantRevocation {
        try Self.revocation(
            try await run(.revokeAPIKey, [id.redis, time(now)] + (user.map { [$0.redis] } ?? [])))
    }

    package func markAPIKeyUsed(_ id: GrantID, at now: Timestamp) async throws(StoreError) {
        try await perform(.markAPIKeyUsed, [id.redis, time(now)])
    }

    private static func fields(of key: APIKeyRecord) -> RedisFields {
        var fields = RedisFields()
        fields.set("id", key.id)
        fields.set("digest", key.digest)
        fields.set("hint", key.hint)
        fields.set("name", key.name)
        fields.set("user", key.user)
        fields.set("scope", list: key.scope.tokens)
        fields.set("resources", list: key.resources)
        fields.set("created", key.createdAt)
        fields.set("expires", key.expiresAt)
        fields.set("revoked", key.revokedAt)
        fields.set("used", key.lastUsedAt)
        return fields
    }

    private static func apiKey(_ record: RedisRecord) throws(StoreError) -> APIKeyRecord {
        APIKeyRecord(
            id: GrantID(try record.text("id")), digest: try record.digest("digest"), hint: try record.text("hint"),
            name: try record.text("name"), user: UserID(try record.text("user")),
            scope: Scope(tokens: try record.list("scope")), resources: try record.list("resources"),
            createdAt: try record.time("created"), expiresAt: try record.time("expires"),
            revokedAt: try record.optionalTime("revoked"), lastUsedAt: try record.optionalTime("used"))
    }
}

extension RedisScript {
    fileprivate static let addAPIKey = RedisScript(
        .decision,
        """
        local now = effective(ARGV[2])
        local record = given(3)
        if not isOpen(record.user) then return {'noSuchUser'} end
        if #liveKeys(record.user, now) >= tonumber(ARGV[1]) then return {'tooMany'} end
        record.order = order()
        put('apikey', record.id, record)
        redis.call('SET', key('apikey.digest', record.digest), record.id)
        redis.call('ZADD', key('apikey.user', record.user), record.created, record.id)
        redis.call('SADD', P .. 'apikey.all', record.id)
        index('apikey.ends', record.expires, record.id)
        return {'added'}
        """)

    fileprivate static let apiKeyByDigest = RedisScript(
        .none,
        """
        local id = redis.call('GET', key('apikey.digest', ARGV[1]))
        return {'key', id and flat(get('apikey', id) or {}) or {}}
        """)

    fileprivate static let apiKeys = RedisScript(
        .none,
        """
        local ids
        if ARGV[1] then
          ids = redis.call('ZRANGE', key('apikey.user', ARGV[1]), 0, -1)
        else
          ids = redis.call('SMEMBERS', P .. 'apikey.all')
        end
        local answer = {'keys'}
        for _, id in ipairs(ids) do answer[#answer + 1] = flat(get('apikey', id)) end
        return answer
        """)

    fileprivate static let revokeAPIKey = RedisScript(
        .decision,
        """
        local now = effective(ARGV[2])
        local record = get('apikey', ARGV[1])
        if not record or (ARGV[3] and record.user ~= ARGV[3]) then return {'unknown'} end
        if record.revoked then return {'already'} end
        revokeKey(ARGV[1], now)
        return {'revoked'}
        """)

    fileprivate static let markAPIKeyUsed = RedisScript(
        .note,
        """
        local now = effective(ARGV[2])
        local used = redis.call('HGET', key('apikey', ARGV[1]), 'used')
        if exists('apikey', ARGV[1]) and tonumber(used or '-1') < now then
          set('apikey', ARGV[1], 'used', text(now))
        end
        return {'done'}
        """)
}
