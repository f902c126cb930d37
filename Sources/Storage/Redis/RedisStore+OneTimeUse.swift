package import AuthorizationServer
package import OAuth
package import Telemetry

extension RedisStore: OneTimeUseStore {
    package func firstUse(_ key: SecretDigest, until: Timestamp, at now: Timestamp) async throws(StoreError) -> Bool {
        try await run(.firstUse, [key.bytes, until.redis, time(now)]).word == "first"
    }
}

extension RedisStore: PushedRequestStore {
    package func push(_ request: PushedRequest, capacity: Int) async throws(StoreError) {
        var fields = RedisFields()
        fields.set("client", request.client)
        fields.set("parameters", bytes: request.parameters)
        fields.set("pushed", request.pushedAt)
        fields.set("expires", request.expiresAt)
        try await perform(.push, [.number(capacity), request.id.bytes] + fields.arguments)
    }

    package func take(
        _ id: SecretDigest, of client: ClientID, at now: Timestamp
    ) async throws(StoreError) -> PushedRequestTaking {
        let answer = try await run(.takePushed, [id.bytes, client.redis, time(now)])
        switch answer.word {
        case "unknown": return .unknown
        case "wrongClient": return .wrongClient
        case "expired": return .expired
        case "taken":
            guard answer.elements.count == 2, case .bytes(let parameters) = answer.elements[1] else {
                throw answer.unexpected
            }
            return .taken(parameters: parameters)
        default: throw answer.unexpected
        }
    }
}

extension RedisScript {
    fileprivate static let firstUse = RedisScript(
        .decision,
        """
        local now = effective(ARGV[3])
        if now >= tonumber(ARGV[2]) then return {'over'} end
        local before = redis.call('ZSCORE', P .. 'once', ARGV[1])
        if before and now < tonumber(before) then return {'again'} end
        index('once', ARGV[2], ARGV[1])
        return {'first'}
        """)

    fileprivate static let push = RedisScript(
        .decision,
        """
        local capacity = math.max(1, tonumber(ARGV[1]))
        while redis.call('ZCARD', P .. 'pushed.age') >= capacity do
          local id = oldest('pushed.age')
          drop('pushed', id)
          unindex('pushed.age', id)
          unindex('pushed.ends', id)
        end
        local request = given(3)
        put('pushed', ARGV[2], request)
        index('pushed.age', request.pushed, ARGV[2])
        index('pushed.ends', request.expires, ARGV[2])
        return {'done'}
        """)

    fileprivate static let takePushed = RedisScript(
        .decision,
        """
        local now = effective(ARGV[3])
        local request = get('pushed', ARGV[1])
        if not request then return {'unknown'} end
        if request.client ~= ARGV[2] then return {'wrongClient'} end
        drop('pushed', ARGV[1])
        unindex('pushed.age', ARGV[1])
        unindex('pushed.ends', ARGV[1])
        if now >= tonumber(request.expires) then return {'expired'} end
        return {'taken', request.parameters}
        """)
}
