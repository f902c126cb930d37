package import AuthorizationServer
package import OAuth
package import Telemetry

extension RedisStore: UserStore {
    package func add(_ user: UserRecord, onlyIfFirst: Bool) async throws(StoreError) -> UserAddition {
        let answer = try await run(
            .addUser,
            [user.id.redis, .word(user.name), .word(onlyIfFirst ? "first" : "any")] + Self.fields(of: user).arguments)
        switch answer.word {
        case "added": return .added
        case "nameTaken": return .nameTaken
        case "notFirst": return .notFirst
        default: throw answer.unexpected
        }
    }

    package func user(named name: String) async throws(StoreError) -> UserRecord? {
        guard let record = try await run(.userByName, [.word(name)]).optionalRecord(1) else { return nil }
        return try Self.user(record)
    }

    package func user(_ id: UserID) async throws(StoreError) -> UserRecord? {
        guard let record = try await record("user", id.redis) else { return nil }
        return try Self.user(record)
    }

    package func users() async throws(StoreError) -> [UserRecord] {
        var users: [UserRecord] = []
        for record in try await run(.allUsers, []).records() { users.append(try Self.user(record)) }
        return users.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    package func change(
        _ id: UserID, _ change: UserChange, at now: Timestamp
    ) async throws(StoreError) -> UserChangeOutcome {
        let arguments: [[UInt8]] =
            switch change {
            case .password(let hash): [.word("password"), .word(hash)]
            case .disable: [.word("disable")]
            case .enable: [.word("enable")]
            case .disown: [.word("disown")]
            case .remove: [.word("remove")]
            case .profile(let email, let groups, let isAdministrator):
                [
                    .word("profile"), LengthCoded.encode(groups), .word(isAdministrator ? "1" : "0"),
                ] + (email.map { [.word($0)] } ?? [])
            }
        let answer = try await run(.changeUser, [id.redis, time(now)] + arguments)
        switch answer.word {
        case "unknown": return .unknown
        case "changed": return .changed(revoked: try answer.texts().map(GrantID.init))
        default: throw answer.unexpected
        }
    }

    static func fields(of user: UserRecord) -> RedisFields {
        var fields = RedisFields()
        fields.set("id", user.id)
        fields.set("name", user.name)
        fields.set("shown", user.displayName)
        fields.set("email", user.email)
        fields.set("groups", list: user.groups)
        fields.set("admin", user.isAdministrator)
        fields.set("disabled", user.isDisabled)
        fields.set("password", user.passwordHash)
        fields.set("created", user.createdAt)
        fields.set("passwordChanged", user.passwordChangedAt)
        return fields
    }

    static func user(_ record: RedisRecord) throws(StoreError) -> UserRecord {
        UserRecord(
            id: UserID(try record.text("id")), name: try record.text("name"),
            displayName: try record.optionalText("shown"), email: try record.optionalText("email"),
            groups: try record.list("groups"), isAdministrator: try record.flag("admin"),
            isDisabled: try record.flag("disabled"), passwordHash: try record.optionalText("password"),
            createdAt: try record.time("created"), passwordChangedAt: try record.optionalTime("passwordChanged"))
    }
}

extension RedisScript {
    fileprivate static let addUser = RedisScript(
        .decision,
        """
        if ARGV[3] == 'first' and redis.call('SCARD', P .. 'user.all') > 0 then return {'notFirst'} end
        if exists('user.name', ARGV[2]) then return {'nameTaken'} end
        put('user', ARGV[1], (given(4)))
        redis.call('SET', key('user.name', ARGV[2]), ARGV[1])
        redis.call('SADD', P .. 'user.all', ARGV[1])
        return {'added'}
        """)

    fileprivate static let userByName = RedisScript(
        .none,
        """
        local id = redis.call('GET', key('user.name', ARGV[1]))
        return {'user', id and flat(get('user', id) or {}) or {}}
        """)

    fileprivate static let allUsers = RedisScript(
        .none,
        """
        local answer = {'users'}
        for _, id in ipairs(redis.call('SMEMBERS', P .. 'user.all')) do answer[#answer + 1] = flat(get('user', id)) end
        return answer
        """)

    fileprivate static let changeUser = RedisScript(
        .decision,
        """
        local now = effective(ARGV[2])
        local user = get('user', ARGV[1])
        if not user then return {'unknown'} end
        local ended = {}
        if ARGV[3] == 'password' then
          setPassword(ARGV[1], ARGV[4], now)
        elseif ARGV[3] == 'profile' then
          set('user', ARGV[1], 'groups', ARGV[4], 'admin', ARGV[5])
          if ARGV[6] then set('user', ARGV[1], 'email', ARGV[6]) else redis.call('HDEL', key('user', ARGV[1]), 'email') end
        elseif ARGV[3] == 'enable' then
          set('user', ARGV[1], 'disabled', '0')
        elseif ARGV[3] == 'disable' then
          set('user', ARGV[1], 'disabled', '1')
          ended = endEverything(ARGV[1], now)
        elseif ARGV[3] == 'disown' then
          local identity = redis.call('GET', key('identity.user', ARGV[1]))
          if identity then redis.call('HDEL', key('identity', identity), 'credential') end
          ended = endEverything(ARGV[1], now, 'user_disowned')
        else
          ended = endEverything(ARGV[1], now)
          for _, id in ipairs(redis.call('SMEMBERS', key('consent.user', ARGV[1]))) do dropConsent(id) end
          local identity = redis.call('GET', key('identity.user', ARGV[1]))
          if identity then
            drop('identity', identity)
            drop('identity.user', ARGV[1])
            redis.call('SREM', P .. 'identity.all', identity)
          end
          drop('user', ARGV[1])
          drop('user.name', user.name)
          redis.call('SREM', P .. 'user.all', ARGV[1])
        end
        table.insert(ended, 1, 'changed')
        return ended
        """)
}

extension RedisStore: LoginFailureStore {
    package func loginFailures(_ key: SecretDigest) async throws(StoreError) -> LoginFailures {
        guard let record = try await record("failure", key.bytes) else { return LoginFailures() }
        return LoginFailures(count: try record.count("count"), lastAt: try record.time("last"))
    }

    package func noteLoginFailure(
        _ key: SecretDigest, capacity: Int, at now: Timestamp
    ) async throws(StoreError) -> LoginFailures {
        let answer = try await run(.noteLoginFailure, [key.bytes, .number(capacity), time(now)])
        return LoginFailures(
            count: Int(try answer.integer(1)), lastAt: Timestamp(millisecondsSinceEpoch: try answer.integer(2)))
    }

    package func clearLoginFailures(_ key: SecretDigest) async throws(StoreError) {
        try await perform(.clearLoginFailures, [key.bytes])
    }
}

extension RedisScript {
    fileprivate static let noteLoginFailure = RedisScript(
        .decision,
        """
        local now = effective(ARGV[3])
        local count = tonumber(redis.call('HGET', key('failure', ARGV[1]), 'count') or '0')
        count = math.min(count + 1, 1000000)
        set('failure', ARGV[1], 'count', text(count), 'last', text(now))
        index('failure.age', text(now), ARGV[1])
        local excess = redis.call('ZCARD', P .. 'failure.age') - math.max(1, tonumber(ARGV[2]))
        if excess > 0 then
          -- One more than is too many, in case this one is among them.
          for _, id in ipairs(redis.call('ZRANGE', P .. 'failure.age', 0, excess)) do
            if id ~= ARGV[1] and excess > 0 then
              drop('failure', id)
              unindex('failure.age', id)
              excess = excess - 1
            end
          end
        end
        return {'noted', text(count), text(now)}
        """)

    fileprivate static let clearLoginFailures = RedisScript(
        .decision,
        """
        drop('failure', ARGV[1])
        unindex('failure.age', ARGV[1])
        return {'done'}
        """)
}
