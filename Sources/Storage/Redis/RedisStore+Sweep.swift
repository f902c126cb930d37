package import AuthorizationServer
package import Telemetry

extension RedisStore: ExpirySweeper {
    package func sweep(at now: Timestamp, revocationsBefore: Timestamp) async throws(StoreError) -> Int {
        var swept = 0
        while true {
            // A bounded number in one go: Redis answers nobody while a script runs.
            let answer = try await run(.sweep, [time(now), revocationsBefore.redis])
            swept += Int(try answer.integer(1))
            if answer.word == "done" { return swept }
        }
    }
}

extension RedisScript {
    fileprivate static let sweep = RedisScript(
        .decision,
        """
        local limit = 500
        local now = effective(ARGV[1])
        local swept = 0
        local isDone = true
        -- Those whose score in an index is not after `before`.
        local function each(name, before, act)
          local ids = redis.call('ZRANGE', P .. name, '-inf', text(before), 'BYSCORE', 'LIMIT', 0, limit)
          for _, id in ipairs(ids) do
            act(id)
            unindex(name, id)
          end
          swept = swept + #ids
          if #ids == limit then isDone = false end
        end
        each('transaction.ends', now, function(id)
          drop('transaction', id)
          unindex('transaction.age', id)
          unindex('transaction.open', id)
        end)
        each('code.ends', now, function(id)
          local code = get('code', id)
          if code then settleCode(id, code) end
          drop('code', id)
        end)
        each('link.ends', now, function(id)
          local user = redis.call('HGET', key('link', id), 'user')
          if user then redis.call('SREM', key('link.user', user), id) end
          drop('link', id)
        end)
        each('grant.ends', now, function(id)
          local grant = get('grant', id)
          if grant then
            redis.call('ZREM', key('grant.user', grant.user), id)
            redis.call('ZREM', key('grant.client', grant.client), id)
          end
          unindex('grant.age', id)
          unindex('grant.revoked', id)
          for _, token in ipairs(redis.call('SMEMBERS', key('grant.tokens', id))) do
            drop('refresh', token)
            redis.call('DECR', P .. 'refresh.count')
          end
          drop('grant.tokens', id)
          drop('grant', id)
        end)
        each('session.seen', now - 7776000000, endSession)
        each('once', now, function() end)
        each('pushed.ends', now, function(id)
          drop('pushed', id)
          unindex('pushed.age', id)
        end)
        each('device.ends', now, dropDevice)
        each('apikey.ends', now - 7776000000, function(id)
          local record = get('apikey', id)
          if record then
            redis.call('ZREM', key('apikey.user', record.user), id)
            redis.call('DEL', key('apikey.digest', record.digest))
          end
          redis.call('SREM', P .. 'apikey.all', id)
          drop('apikey', id)
        end)
        local entries = redis.call('XRANGE', P .. 'feed', '-', '+', 'COUNT', limit)
        local gone = 0
        for _, entry in ipairs(entries) do
          if tonumber(entry[2][4]) >= tonumber(ARGV[2]) then break end
          redis.call('XDEL', P .. 'feed', entry[1])
          gone = gone + 1
        end
        if gone == limit then isDone = false end
        return {isDone and 'done' or 'more', text(swept + gone)}
        """)
}
