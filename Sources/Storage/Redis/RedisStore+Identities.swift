package import AuthorizationServer
package import OAuth
package import Telemetry

extension RedisStore: IdentityStore {
    package func signIn(
        _ identity: IdentityRecord, proposing proposed: UserRecord
    ) async throws(StoreError) -> IdentitySignIn {
        let answer = try await run(
            .signIn,
            [identity.id.bytes, proposed.id.redis, .word(proposed.name)] + Self.fields(of: identity).arguments
                + Self.fields(of: proposed).arguments)
        switch answer.word {
        case "nameTaken": return .nameTaken
        case "account": return .account(try Self.user(try answer.record(1)))
        default: throw answer.unexpected
        }
    }

    package func confirm(
        _ identity: IdentityRecord, updating account: UserRecord
    ) async throws(StoreError) -> Bool {
        try await run(
            .confirmIdentity,
            [identity.id.bytes, identity.user.redis] + Self.fields(of: identity).arguments
                + Self.fields(of: account).arguments
        ).word == "confirmed"
    }

    package func identity(_ id: SecretDigest) async throws(StoreError) -> IdentityRecord? {
        guard let record = try await run(.identityOfKey, [id.bytes]).optionalRecord(1) else { return nil }
        return try Self.identity(record)
    }

    package func identity(of user: UserID) async throws(StoreError) -> IdentityRecord? {
        guard let record = try await run(.identityOfUser, [user.redis]).optionalRecord(1) else { return nil }
        return try Self.identity(record)
    }

    package func identities() async throws(StoreError) -> [IdentityRecord] {
        var identities: [IdentityRecord] = []
        for record in try await run(.allIdentities, []).records() { identities.append(try Self.identity(record)) }
        return identities.sorted { $0.id.bytes.lexicographicallyPrecedes($1.id.bytes) }
    }

    package func takeTurn(
        toAskAbout user: UserID, ifAskedBefore threshold: Timestamp, at now: Timestamp
    ) async throws(StoreError) -> IdentityRecord? {
        let answer = try await run(.takeTurn, [user.redis, threshold.redis, time(now)])
        guard let record = try answer.optionalRecord(1) else { return nil }
        return try Self.identity(record)
    }

    private static func fields(of identity: IdentityRecord) -> RedisFields {
        var fields = RedisFields()
        fields.set("id", identity.id)
        fields.set("provider", identity.provider)
        fields.set("attributes", bytes: identity.attributes)
        fields.set("credential", bytes: identity.sealedCredential)
        fields.set("confirmed", identity.confirmedAt)
        fields.set("asked", identity.askedAt)
        return fields
    }

    private static func identity(_ record: RedisRecord) throws(StoreError) -> IdentityRecord {
        IdentityRecord(
            id: try record.digest("id"), provider: try record.text("provider"), user: UserID(try record.text("user")),
            attributes: try record.bytes("attributes"), sealedCredential: record.optionalBytes("credential"),
            confirmedAt: try record.time("confirmed"), askedAt: try record.time("asked"))
    }
}

extension RedisScript {
    /// Replaces what the provider says; name, state and rights of the account stay.
    private static let renewal = """
        local function renew(id, user, identity, account)
          identity.user = user
          identity.credential = identity.credential or redis.call('HGET', key('identity', id), 'credential') or nil
          drop('identity', id)
          put('identity', id, identity)
          redis.call('HDEL', key('user', user), 'shown', 'email')
          if account.shown then set('user', user, 'shown', account.shown) end
          if account.email then set('user', user, 'email', account.email) end
          set('user', user, 'groups', account.groups)
        end

        """

    fileprivate static let signIn = RedisScript(
        .decision,
        renewal + """
            local identity, position = given(4)
            local proposed = given(position)
            local known = get('identity', ARGV[1])
            if known and exists('user', known.user) then
              renew(ARGV[1], known.user, identity, proposed)
              return {'account', flat(get('user', known.user))}
            end
            if exists('user.name', ARGV[3]) then return {'nameTaken'} end
            put('user', ARGV[2], proposed)
            redis.call('SET', key('user.name', ARGV[3]), ARGV[2])
            redis.call('SADD', P .. 'user.all', ARGV[2])
            identity.user = ARGV[2]
            put('identity', ARGV[1], identity)
            redis.call('SET', key('identity.user', ARGV[2]), ARGV[1])
            redis.call('SADD', P .. 'identity.all', ARGV[1])
            return {'account', flat(proposed)}
            """)

    fileprivate static let confirmIdentity = RedisScript(
        .decision,
        renewal + """
            local identity, position = given(3)
            local account = given(position)
            local known = get('identity', ARGV[1])
            if not known or known.user ~= ARGV[2] or not exists('user', ARGV[2]) then return {'gone'} end
            renew(ARGV[1], ARGV[2], identity, account)
            return {'confirmed'}
            """)

    fileprivate static let identityOfKey = RedisScript(
        .none,
        """
        return {'identity', flat(get('identity', ARGV[1]) or {})}
        """)

    fileprivate static let identityOfUser = RedisScript(
        .none,
        """
        local id = redis.call('GET', key('identity.user', ARGV[1]))
        return {'identity', id and flat(get('identity', id) or {}) or {}}
        """)

    fileprivate static let allIdentities = RedisScript(
        .none,
        """
        local answer = {'identities'}
        for _, id in ipairs(redis.call('SMEMBERS', P .. 'identity.all')) do
          answer[#answer + 1] = flat(get('identity', id))
        end
        return answer
        """)

    fileprivate static let takeTurn = RedisScript(
        .decision,
        """
        local now = effective(ARGV[3])
        local id = redis.call('GET', key('identity.user', ARGV[1]))
        local identity = id and get('identity', id)
        if not identity or tonumber(identity.asked) >= tonumber(ARGV[2]) then return {'turn', {}} end
        identity.asked = text(now)
        set('identity', id, 'asked', identity.asked)
        return {'turn', flat(identity)}
        """)
}
