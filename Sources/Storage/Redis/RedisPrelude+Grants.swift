extension RedisPrelude {
    /// What several verbs do with grants: open, revoke, end everything of a user.
    static let grants = """
        local GRANT = {'user', 'client', 'scope', 'resources', 'issuer', 'thumbprint', 'granted', 'ends'}
        local BURNT = '1000000'

        local function dropClient(id)
          drop('client', id)
          unindex('client.all', id)
          unindex('client.unused', id)
          unindex('client.used', id)
          redis.call('SREM', P .. 'client.managed.unused', id)
        end

        local function isBusy(client, now)
          local grants = redis.call('ZRANGE', key('grant.client', client), '(' .. text(now), '+inf', 'BYSCORE')
          for _, grant in ipairs(grants) do
            if not redis.call('HGET', key('grant', grant), 'revoked') then return true end
          end
          return false
        end

        local function isOpen(user) return redis.call('HGET', key('user', user), 'disabled') == '0' end

        -- Numbers follow the order of commits: scripts run one after another.
        local function feed(id, now)
          local sequence = text(redis.call('INCR', P .. 'feed.last'))
          redis.call('XADD', P .. 'feed', sequence .. '-0', 'grant', id, 'at', text(now))
        end

        local function putToken(id, grant, generation, now)
          put('refresh', id, {
            grant = grant, generation = text(generation), issued = text(now), presentations = '0'
          })
          redis.call('SADD', key('grant.tokens', grant), id)
          redis.call('INCR', P .. 'refresh.count')
          set('grant', grant, 'used', text(now))
        end

        -- Stores a grant whose fields stand in `source`, with the first refresh token of its family unless that is ''.
        local function openGrant(id, source, refresh, now)
          local grant = {id = id, order = order()}
          for _, field in ipairs(GRANT) do grant[field] = source[field] end
          put('grant', id, grant)
          index('grant.ends', grant.ends, id)
          index('grant.age', grant.granted, id)
          redis.call('ZADD', key('grant.user', grant.user), grant.granted, id)
          redis.call('ZADD', key('grant.client', grant.client), grant.ends, id)
          if refresh ~= '' then putToken(refresh, id, 0, now) end
          return grant
        end

        -- The tombstone and the entry of the feed.
        local function revoke(id, reason, now)
          local grant = get('grant', id)
          if not grant then return 'unknown' end
          if grant.revoked then return 'already' end
          set('grant', id, 'revoked', text(now), 'reason', reason)
          index('grant.revoked', grant.ends, id)
          feed(id, now)
          return 'revoked'
        end

        -- A code that is redeemed or gone can no longer be burnt.
        local function settleCode(id, code)
          redis.call('SREM', key('code.user', code.user), id)
          redis.call('SREM', key('code.client', code.client), id)
          unindex('code.open', id)
        end

        local function burnCodes(of)
          for _, id in ipairs(redis.call('SMEMBERS', of)) do
            set('code', id, 'failures', BURNT)
            unindex('code.open', id)
          end
        end

        local function inOrder(records)
          table.sort(records, function(a, b) return tonumber(a.order) < tonumber(b.order) end)
          return records
        end

        -- Ends the live grants that an index holds; returns their ids.
        local function revokeLive(of, reason, now)
          local live = {}
          for _, id in ipairs(redis.call('ZRANGE', of, 0, -1)) do
            local grant = get('grant', id)
            if grant and not grant.revoked and now < tonumber(grant.ends) then live[#live + 1] = grant end
          end
          local ended = {}
          for _, grant in ipairs(inOrder(live)) do
            revoke(grant.id, reason, now)
            ended[#ended + 1] = grant.id
          end
          return ended
        end

        local function dropConsent(id)
          local consent = get('consent', id)
          if not consent then return end
          redis.call('SREM', key('consent.user', consent.user), id)
          redis.call('SREM', key('consent.client', consent.client), id)
          redis.call('SREM', P .. 'consent.all', id)
          drop('consent', id)
        end

        -- Burns a user's codes, denies devices that wait, ends the live grants; returns their ids.
        local function revokeAll(user, reason, now)
          burnCodes(key('code.user', user))
          for _, id in ipairs(redis.call('SMEMBERS', key('device.user', user))) do
            set('device', id, 'stage', 'denied')
            redis.call('SREM', key('device.user', user), id)
          end
          return revokeLive(key('grant.user', user), reason, now)
        end

        local function liveKeys(user, now)
          local live = {}
          for _, id in ipairs(redis.call('ZRANGE', key('apikey.user', user), 0, -1)) do
            local record = get('apikey', id)
            if record and not record.revoked and now < tonumber(record.expires) then live[#live + 1] = record end
          end
          return inOrder(live)
        end

        local function revokeKey(id, now)
          set('apikey', id, 'revoked', text(now))
          index('apikey.ends', text(now), id)
          feed(id, now)
        end

        local function endSession(id)
          local user = redis.call('HGET', key('session', id), 'user')
          if user then redis.call('SREM', key('session.user', user), id) end
          drop('session', id)
          unindex('session.seen', id)
        end

        local function endSessions(user)
          for _, id in ipairs(redis.call('SMEMBERS', key('session.user', user))) do endSession(id) end
        end

        local function dropDevice(id)
          local device = get('device', id)
          if device then drop('device.code', device.code) end
          if device and device.user then redis.call('SREM', key('device.user', device.user), id) end
          drop('device', id)
          unindex('device.age', id)
          unindex('device.open', id)
          unindex('device.ends', id)
        end

        local function dropLink(id, user)
          drop('link', id)
          unindex('link.ends', id)
          redis.call('SREM', key('link.user', user), id)
        end

        -- Everything that ends with an account that is disabled, disowned or removed; returns the grants and keys that
        -- ended.
        local function endEverything(user, now, reason)
          endSessions(user)
          for _, id in ipairs(redis.call('SMEMBERS', key('link.user', user))) do dropLink(id, user) end
          local ended = revokeAll(user, reason or 'user_disabled', now)
          for _, record in ipairs(liveKeys(user, now)) do
            revokeKey(record.id, now)
            ended[#ended + 1] = record.id
          end
          return ended
        end

        local function setPassword(user, hash, now)
          if not exists('user', user) then return end
          set('user', user, 'password', hash, 'passwordChanged', text(now))
          endSessions(user)
        end


        """
}
