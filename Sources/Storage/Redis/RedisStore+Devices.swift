package import AuthorizationServer
package import OAuth
package import Telemetry

extension RedisStore: DeviceAuthorizationStore {
    package func begin(_ authorization: DeviceAuthorization, capacity: Int) async throws(StoreError) -> Bool {
        var fields = RedisFields()
        fields.set("id", authorization.id)
        fields.set("code", authorization.userCode)
        fields.set("client", authorization.client)
        fields.set("scope", list: authorization.scope.tokens)
        fields.set("resources", list: authorization.resources)
        fields.set("issuer", authorization.issuer)
        fields.set("stage", authorization.stage.rawValue)
        fields.set("began", authorization.beganAt)
        fields.set("expires", authorization.expiresAt)
        fields.set("interval", String(authorization.interval))
        fields.set("polled", authorization.polledAt)
        let answer = try await run(.beginDevice, [.number(capacity), authorization.id.bytes] + fields.arguments)
        return answer.word == "begun"
    }

    package func deviceAuthorization(userCode: SecretDigest) async throws(StoreError) -> DeviceAuthorization? {
        guard let record = try await run(.deviceByCode, [userCode.bytes]).optionalRecord(1) else { return nil }
        return try Self.device(record)
    }

    package func decide(
        _ id: SecretDigest, grant: GrantRecord?, at now: Timestamp
    ) async throws(StoreError) -> DeviceDecision {
        var fields = RedisFields()
        if let grant {
            fields.set("grant", grant.id)
            fields.set("user", grant.user)
            fields.set("grantScope", list: grant.scope.tokens)
            fields.set("grantResources", list: grant.resources)
            fields.set("granted", grant.grantedAt)
            fields.set("ends", grant.expiresAt)
        }
        fields.set("stage", grant == nil ? "denied" : "approved")
        let answer = try await run(.decideDevice, [id.bytes, time(now)] + fields.arguments)
        switch answer.word {
        case "unknown": return .unknown
        case "alreadyDecided": return .alreadyDecided
        case "expired": return .expired
        case "decided": return .decided
        default: throw answer.unexpected
        }
    }

    package func poll(
        _ id: SecretDigest, of client: ClientID, refreshToken: SecretDigest, keyThumbprint: String?, at now: Timestamp
    ) async throws(StoreError) -> DevicePoll {
        let answer = try await run(
            .pollDevice,
            [id.bytes, client.redis, refreshToken.bytes, time(now)] + (keyThumbprint.map { [.word($0)] } ?? []))
        switch answer.word {
        case "unknown": return .unknown
        case "wrongClient": return .wrongClient
        case "reused": return .reused(GrantID(try answer.text(1)))
        case "expired": return .expired
        case "denied": return .denied
        case "slowDown": return .slowDown
        case "pending": return .pending
        case "redeemed": return .redeemed(try Self.grant(try answer.record(1)))
        default: throw answer.unexpected
        }
    }

    private static func device(_ record: RedisRecord) throws(StoreError) -> DeviceAuthorization {
        guard let stage = DeviceAuthorization.Stage(rawValue: try record.text("stage")) else {
            throw RedisRecord.corrupt("unknown stage of a device authorization")
        }
        let client = ClientID(try record.text("client"))
        let issuer = try record.text("issuer")
        var grant: GrantRecord?
        if let grantID = try record.optionalText("grant") {
            grant = GrantRecord(
                id: GrantID(grantID), user: UserID(try record.text("user")), client: client,
                scope: Scope(tokens: try record.list("grantScope")), resources: try record.list("grantResources"),
                issuer: issuer, grantedAt: try record.time("granted"), expiresAt: try record.time("ends"))
        }
        return DeviceAuthorization(
            id: try record.digest("id"), userCode: try record.digest("code"), client: client,
            scope: Scope(tokens: try record.list("scope")), resources: try record.list("resources"), issuer: issuer,
            stage: stage, grant: grant, beganAt: try record.time("began"), expiresAt: try record.time("expires"),
            interval: try record.integer("interval"), polledAt: try record.optionalTime("polled"))
    }
}

extension RedisScript {
    fileprivate static let beginDevice = RedisScript(
        .decision,
        """
        local capacity = math.max(1, tonumber(ARGV[1]))
        while redis.call('ZCARD', P .. 'device.age') >= capacity do dropDevice(oldest('device.age')) end
        local device = given(3)
        if exists('device.code', device.code) then return {'taken'} end
        put('device', ARGV[2], device)
        redis.call('SET', key('device.code', device.code), ARGV[2])
        index('device.age', device.began, ARGV[2])
        if device.stage == 'pending' then index('device.open', device.expires, ARGV[2]) end
        index('device.ends', device.expires, ARGV[2])
        return {'begun'}
        """)

    fileprivate static let deviceByCode = RedisScript(
        .none,
        """
        local id = redis.call('GET', key('device.code', ARGV[1]))
        return {'device', id and flat(get('device', id) or {}) or {}}
        """)

    fileprivate static let decideDevice = RedisScript(
        .decision,
        """
        local now = effective(ARGV[2])
        local device = get('device', ARGV[1])
        if not device then return {'unknown'} end
        if device.stage ~= 'pending' then return {'alreadyDecided'} end
        if now >= tonumber(device.expires) then return {'expired'} end
        local decision = given(3)
        put('device', ARGV[1], decision)
        unindex('device.open', ARGV[1])
        if decision.user then
          redis.call('SADD', key('device.user', decision.user), ARGV[1])
          index('device.ends', decision.ends, ARGV[1])
        end
        return {'decided'}
        """)

    fileprivate static let pollDevice = RedisScript(
        .decision,
        """
        local now = effective(ARGV[4])
        local device = get('device', ARGV[1])
        if not device then return {'unknown'} end
        if device.client ~= ARGV[2] then return {'wrongClient'} end
        if device.stage == 'redeemed' then
          revoke(device.grant, 'code_reuse', now)
          return {'reused', device.grant}
        end
        if now >= tonumber(device.expires) then return {'expired'} end
        if device.stage == 'denied' then return {'denied'} end
        if device.stage == 'approved' then
          set('device', ARGV[1], 'stage', 'redeemed')
          redis.call('SREM', key('device.user', device.user), ARGV[1])
          device.scope = device.grantScope
          device.resources = device.grantResources
          device.thumbprint = ARGV[5]
          return {'redeemed', flat(openGrant(device.grant, device, ARGV[3], now))}
        end
        local isEarly = device.polled and now - tonumber(device.polled) < tonumber(device.interval)
        local interval = tonumber(device.interval)
        if isEarly then
          interval = math.min(interval + \(DeviceAuthorization.slowDown), \(DeviceAuthorization.longestInterval))
        end
        set('device', ARGV[1], 'polled', text(now), 'interval', text(interval))
        return {isEarly and 'slowDown' or 'pending'}
        """)
}
