package import AuthorizationServer
package import OAuth
package import Telemetry

extension RedisStore: OneTimeLinkStore {
    package func issue(_ link: OneTimeLink) async throws(StoreError) {
        var fields = RedisFields()
        fields.set("user", link.user)
        fields.set("issued", link.issuedAt)
        fields.set("expires", link.expiresAt)
        fields.set("used", link.usedAt)
        try await perform(.issueLink, [link.id.bytes] + fields.arguments)
    }

    package func link(_ id: SecretDigest) async throws(StoreError) -> OneTimeLink? {
        guard let record = try await record("link", id.bytes) else { return nil }
        return OneTimeLink(
            id: id, user: UserID(try record.text("user")), issuedAt: try record.time("issued"),
            expiresAt: try record.time("expires"), usedAt: try record.optionalTime("used"))
    }

    package func firstUse(
        of id: SecretDigest, settingPassword hash: String, at now: Timestamp
    ) async throws(StoreError) -> OneTimeLinkUse {
        let answer = try await run(.useLink, [id.bytes, .word(hash), time(now)])
        switch answer.word {
        case "unknown": return .unknown
        case "used": return .used
        case "expired": return .expired
        case "first": return .first(UserID(try answer.text(1)))
        default: throw answer.unexpected
        }
    }
}

extension RedisScript {
    fileprivate static let issueLink = RedisScript(
        .decision,
        """
        local link = given(2)
        for _, id in ipairs(redis.call('SMEMBERS', key('link.user', link.user))) do
          if not redis.call('HGET', key('link', id), 'used') then dropLink(id, link.user) end
        end
        put('link', ARGV[1], link)
        redis.call('SADD', key('link.user', link.user), ARGV[1])
        index('link.ends', link.expires, ARGV[1])
        return {'done'}
        """)

    fileprivate static let useLink = RedisScript(
        .decision,
        """
        local now = effective(ARGV[3])
        local link = get('link', ARGV[1])
        if not link then return {'unknown'} end
        if link.used then return {'used'} end
        if now >= tonumber(link.expires) then return {'expired'} end
        set('link', ARGV[1], 'used', text(now))
        index('link.ends', '0', ARGV[1])
        setPassword(link.user, ARGV[2], now)
        return {'first', link.user}
        """)
}

extension RedisStore: BrowserSessionStore {
    package func start(_ session: BrowserSession, replacing previous: SecretDigest?) async throws(StoreError) {
        var fields = RedisFields()
        fields.set("id", session.id)
        fields.set("user", session.user)
        fields.set("started", session.startedAt)
        fields.set("seen", session.lastSeenAt)
        try await perform(.startSession, [session.id.bytes, previous?.bytes ?? []] + fields.arguments)
    }

    package func touch(
        _ id: SecretDigest, lifetime: SessionLifetime, at now: Timestamp
    ) async throws(StoreError) -> BrowserSession? {
        let answer = try await run(
            .touchSession,
            [
                id.bytes, .word(String(lifetime.idleMilliseconds)), .word(String(lifetime.absoluteMilliseconds)),
                time(now),
            ])
        guard answer.word == "live" else { return nil }
        return try Self.session(try answer.record(1))
    }

    package func sessions(
        of user: UserID?, lifetime: SessionLifetime, at now: Timestamp
    ) async throws(StoreError) -> [BrowserSession] {
        let time = clock.advance(to: now)
        let oldest = Timestamp(millisecondsSinceEpoch: time.millisecondsSinceEpoch &- lifetime.idleMilliseconds)
        var sessions: [BrowserSession] = []
        for record in try await run(.sessions, [oldest.redis] + (user.map { [$0.redis] } ?? [])).records() {
            sessions.append(try Self.session(record))
        }
        return sessions.filter { lifetime.isLive($0, at: time) }.sorted { $0.lastSeenAt > $1.lastSeenAt }
    }

    package func endSessions(of user: UserID?, except kept: SecretDigest?) async throws(StoreError) -> Int {
        Int(
            try await run(.endSessions, [kept?.bytes ?? []] + (user.map { [$0.redis] } ?? [])).integer(1))
    }

    private static func session(_ record: RedisRecord) throws(StoreError) -> BrowserSession {
        BrowserSession(
            id: try record.digest("id"), user: UserID(try record.text("user")), startedAt: try record.time("started"),
            lastSeenAt: try record.time("seen"))
    }

    package func end(_ id: SecretDigest) async throws(StoreError) {
        try await perform(.endSession, [id.bytes])
    }
}

extension RedisScript {
    fileprivate static let startSession = RedisScript(
        .decision,
        """
        if ARGV[2] ~= '' then endSession(ARGV[2]) end
        local session = given(3)
        put('session', ARGV[1], session)
        redis.call('SADD', key('session.user', session.user), ARGV[1])
        index('session.seen', session.seen, ARGV[1])
        return {'done'}
        """)

    fileprivate static let touchSession = RedisScript(
        .decision,
        """
        local now = effective(ARGV[4])
        local session = get('session', ARGV[1])
        if not session then return {'unknown'} end
        if now - tonumber(session.seen) >= tonumber(ARGV[2]) or now - tonumber(session.started) >= tonumber(ARGV[3]) then
          endSession(ARGV[1])
          return {'over'}
        end
        session.seen = text(math.max(tonumber(session.seen), now))
        set('session', ARGV[1], 'seen', session.seen)
        index('session.seen', session.seen, ARGV[1])
        return {'live', flat(session)}
        """)

    /// Those of a user, or all that were seen after a time.
    private static let sessionIDs = """
        local function ids(user, after)
          if user then return redis.call('SMEMBERS', key('session.user', user)) end
          return redis.call('ZRANGE', P .. 'session.seen', after, '+inf', 'BYSCORE')
        end

        """

    fileprivate static let sessions = RedisScript(
        .none,
        sessionIDs + """
            local answer = {'sessions'}
            for _, id in ipairs(ids(ARGV[2], '(' .. ARGV[1])) do answer[#answer + 1] = flat(get('session', id)) end
            return answer
            """)

    fileprivate static let endSessions = RedisScript(
        .decision,
        sessionIDs + """
            local ended = 0
            for _, id in ipairs(ids(ARGV[2], '-inf')) do
              if id ~= ARGV[1] then
                endSession(id)
                ended = ended + 1
              end
            end
            return {'ended', text(ended)}
            """)

    fileprivate static let endSession = RedisScript(
        .decision,
        """
        endSession(ARGV[1])
        return {'done'}
        """)
}

extension RedisStore: ConsentStore {
    package func remember(_ consent: ConsentRecord) async throws(StoreError) {
        var fields = RedisFields()
        fields.set("user", consent.user)
        fields.set("client", consent.client)
        fields.set("given", consent.givenAt)
        try await perform(.rememberConsent, [consent.id.bytes] + fields.arguments)
    }

    package func isRemembered(_ id: SecretDigest, notBefore: Timestamp) async throws(StoreError) -> Bool {
        guard let record = try await record("consent", id.bytes) else { return false }
        return try record.time("given") > notBefore
    }

    package func forgetConsents(of user: UserID, to client: ClientID) async throws(StoreError) {
        try await perform(.forgetConsents, [user.redis, client.redis])
    }
}

extension RedisScript {
    fileprivate static let rememberConsent = RedisScript(
        .decision,
        """
        local consent = given(2)
        local before = redis.call('HGET', key('consent', ARGV[1]), 'given')
        if before and tonumber(before) > tonumber(consent.given) then consent.given = before end
        put('consent', ARGV[1], consent)
        redis.call('SADD', key('consent.user', consent.user), ARGV[1])
        redis.call('SADD', key('consent.client', consent.client), ARGV[1])
        redis.call('SADD', P .. 'consent.all', ARGV[1])
        return {'done'}
        """)

    fileprivate static let forgetConsents = RedisScript(
        .decision,
        """
        for _, id in ipairs(redis.call('SMEMBERS', key('consent.user', ARGV[1]))) do
          if redis.call('HGET', key('consent', id), 'client') == ARGV[2] then dropConsent(id) end
        end
        return {'done'}
        """)
}
