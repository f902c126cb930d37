package import AuthorizationServer
package import OAuth
package import Telemetry

extension RedisStore: ClientStore {
    package func register(
        _ client: ClientRecord, capacity: Int, evictableBefore: Timestamp
    ) async throws(StoreError) -> ClientRegistrationOutcome {
        let answer = try await run(
            .registerClient,
            [.number(capacity), evictableBefore.redis, client.id.redis] + Self.fields(of: client).arguments)
        switch answer.word {
        case "registered": return .registered
        case "full": return .full
        default: throw answer.unexpected
        }
    }

    package func client(_ id: ClientID) async throws(StoreError) -> ClientRecord? {
        guard let record = try await record("client", id.redis) else { return nil }
        return try Self.client(record)
    }

    package func markUsed(_ id: ClientID, at now: Timestamp) async throws(StoreError) {
        // Most calls find a recent note.
        let time = clock.advance(to: now)
        guard let record = try await record("client", id.redis) else { return }
        if let used = try record.optionalTime("used"), time.milliseconds(since: used) < 3_600_000 { return }
        try await perform(.markClientUsed, [id.redis, time.redis])
    }

    package func removeClients(neverUsedBefore: Timestamp, idleBefore: Timestamp) async throws(StoreError) -> Int {
        var removed = 0
        var kept: Int64 = 0
        while true {
            let answer = try await run(
                .removeClients, [neverUsedBefore.redis, idleBefore.redis, .number(Int(kept)), latestTime])
            removed += Int(try answer.integer(1))
            kept += try answer.integer(2)
            if answer.word == "done" { return removed }
        }
    }

    private static func fields(of client: ClientRecord) -> RedisFields {
        var fields = RedisFields()
        fields.set("id", client.id)
        fields.set("metadata", bytes: client.metadata)
        fields.set("secret", client.secretDigest)
        fields.set("registration", client.registrationDigest)
        fields.set("managed", client.isManaged)
        fields.set("firstParty", client.isFirstParty)
        fields.set("resources", bytes: client.resources.map(LengthCoded.encode))
        fields.set("registered", client.registeredAt)
        fields.set("used", client.lastUsedAt)
        return fields
    }

    static func client(_ record: RedisRecord) throws(StoreError) -> ClientRecord {
        ClientRecord(
            id: ClientID(try record.text("id")), metadata: try record.bytes("metadata"),
            secretDigest: record.optionalBytes("secret").map(SecretDigest.init),
            registrationDigest: record.optionalBytes("registration").map(SecretDigest.init),
            isManaged: try record.flag("managed"), isFirstParty: try record.flag("firstParty"),
            resources: record.optionalBytes("resources") == nil ? nil : try record.list("resources"),
            registeredAt: try record.time("registered"), lastUsedAt: try record.optionalTime("used"))
    }
}

extension RedisScript {
    fileprivate static let registerClient = RedisScript(
        .decision,
        """
        if redis.call('ZCARD', P .. 'client.all') >= tonumber(ARGV[1]) then
          local oldest = redis.call('ZRANGE', P .. 'client.unused', 0, 0, 'WITHSCORES')
          if not oldest[1] or tonumber(oldest[2]) >= tonumber(ARGV[2]) then return {'full'} end
          dropClient(oldest[1])
        end
        local client = given(4)
        put('client', ARGV[3], client)
        index('client.all', '0', ARGV[3])
        -- Managed clients are in neither of these: they stay, used or not.
        if client.managed == '0' then
          if client.used then
            index('client.used', client.used, ARGV[3])
          else
            index('client.unused', client.registered, ARGV[3])
          end
        elseif not client.used then
          redis.call('SADD', P .. 'client.managed.unused', ARGV[3])
        end
        return {'registered'}
        """)

    fileprivate static let markClientUsed = RedisScript(
        .note,
        """
        local now = effective(ARGV[2])
        local client = get('client', ARGV[1])
        if client and tonumber(client.used or '-1') < now then
          set('client', ARGV[1], 'used', text(now))
          unindex('client.unused', ARGV[1])
          redis.call('SREM', P .. 'client.managed.unused', ARGV[1])
          if client.managed == '0' then index('client.used', text(now), ARGV[1]) end
        end
        return {'done'}
        """)

    /// Looks at a bounded number of clients in one go; the third value says how many idle ones are kept so far.
    fileprivate static let removeClients = RedisScript(
        .decision,
        """
        local limit = 500
        local now = latest(ARGV[4])
        local unused = redis.call('ZRANGE', P .. 'client.unused', '-inf', '(' .. ARGV[1], 'BYSCORE', 'LIMIT', 0, limit)
        for _, id in ipairs(unused) do dropClient(id) end
        local idle = redis.call(
          'ZRANGE', P .. 'client.used', '-inf', '(' .. ARGV[2], 'BYSCORE', 'LIMIT', tonumber(ARGV[3]), limit)
        local removed = #unused
        for _, id in ipairs(idle) do
          if not isBusy(id, now) then
            dropClient(id)
            removed = removed + 1
          end
        end
        local kept = #idle + #unused - removed
        local isDone = #unused < limit and #idle < limit
        return {isDone and 'done' or 'more', text(removed), text(kept)}
        """)
}

extension OAuthIdentifier {
    /// As it is stored: its bytes.
    var redis: [UInt8] { Array(value.utf8) }
}
