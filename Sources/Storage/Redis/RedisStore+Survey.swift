package import AuthorizationServer
import OAuth
package import Telemetry

extension RedisStore: StoreSurvey {
    package func census(
        lifetime: SessionLifetime, at now: Timestamp
    ) async throws(StoreError) -> [StoreEntry: Int] {
        let answer = try await run(.census, [time(now)])
        var census: [StoreEntry: Int] = [:]
        let record = try answer.record(1)
        for entry in StoreEntry.allCases where entry != .browserSessions {
            census[entry] = try record.count(entry.rawValue)
        }
        census[.browserSessions] = try await sessions(of: nil, lifetime: lifetime, at: now).count
        return census
    }

    package func leftovers(
        revocationsBefore: Timestamp, neverUsedBefore: Timestamp, idleBefore: Timestamp, at now: Timestamp
    ) async throws(StoreError) -> StoreLeftovers {
        let answer = try await run(
            .leftovers, [time(now), revocationsBefore.redis, neverUsedBefore.redis, idleBefore.redis])
        return StoreLeftovers(rows: Int(try answer.integer(1)), clients: Int(try answer.integer(2)))
    }
}

extension RedisScript {
    /// Nearly all of it is the length of an index; accounts and signing keys, which are few, are looked at.
    fileprivate static let census = RedisScript(
        .none,
        """
        local now = '(' .. text(latest(ARGV[1]))
        local function live(name) return redis.call('ZCOUNT', P .. name, now, '+inf') end
        local function all(name) return redis.call('ZCARD', P .. name) end
        local function members(name) return redis.call('SCARD', P .. name) end
        local disabled, administrators, trusted = 0, 0, 0
        for _, id in ipairs(redis.call('SMEMBERS', P .. 'user.all')) do
          local flags = redis.call('HMGET', key('user', id), 'disabled', 'admin')
          if flags[1] == '1' then disabled = disabled + 1 end
          if flags[2] == '1' then administrators = administrators + 1 end
        end
        for _, id in ipairs(redis.call('SMEMBERS', P .. 'key.all')) do
          if not redis.call('HGET', key('key', id), 'retired') then trusted = trusted + 1 end
        end
        local census = {
          users = members('user.all'), disabled_users = disabled, administrators = administrators,
          clients = all('client.all'), unused_clients = all('client.unused') + members('client.managed.unused'),
          live_grants = live('grant.ends') - live('grant.revoked'), revoked_grants = all('grant.revoked'),
          refresh_tokens = tonumber(redis.call('GET', P .. 'refresh.count') or '0'), open_codes = live('code.open'),
          open_logins = live('transaction.open'), open_devices = live('device.open'),
          consents = members('consent.all'), live_api_keys = live('apikey.ends'), signing_keys = trusted
        }
        for name, count in pairs(census) do census[name] = text(count) end
        return {'census', flat(census)}
        """)

    fileprivate static let leftovers = RedisScript(
        .none,
        """
        local now = latest(ARGV[1])
        local rows = 0
        local function count(name, before) rows = rows + redis.call('ZCOUNT', P .. name, '-inf', text(before)) end
        for _, name in ipairs({
          'transaction.ends', 'code.ends', 'link.ends', 'grant.ends', 'once', 'pushed.ends', 'device.ends'
        }) do
          count(name, now)
        end
        count('session.seen', now - 7776000000)
        count('apikey.ends', now - 7776000000)
        local start = '-'
        while true do
          local entries = redis.call('XRANGE', P .. 'feed', start, '+', 'COUNT', 500)
          local gone = 0
          for _, entry in ipairs(entries) do
            if tonumber(entry[2][4]) >= tonumber(ARGV[2]) then break end
            gone = gone + 1
            start = '(' .. entry[1]
          end
          rows = rows + gone
          if gone < 500 then break end
        end
        local clients = redis.call('ZCOUNT', P .. 'client.unused', '-inf', '(' .. ARGV[3])
        for _, id in ipairs(redis.call('ZRANGE', P .. 'client.used', '-inf', '(' .. ARGV[4], 'BYSCORE')) do
          if not isBusy(id, now) then clients = clients + 1 end
        end
        return {'leftovers', text(rows), text(clients)}
        """)
}
