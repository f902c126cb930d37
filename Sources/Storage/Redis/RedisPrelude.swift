/// What every script begins and ends with.
///
/// A record is a hash at `PREFIX TABLE : LENGTH : ID`; the length keeps one id from pretending to be another (S01). An
/// absent optional value is an absent field. Times are milliseconds in decimal; Lua's own text of a number that size would
/// lose digits, hence `text`.
enum RedisPrelude {
    static let text = records + grants

    private static let records = """
        local P = KEYS[1]
        local function key(t, id) return P .. t .. ':' .. #id .. ':' .. id end
        local function text(n) return string.format('%.0f', n) end
        local function get(t, id)
          local flat = redis.call('HGETALL', key(t, id))
          if #flat == 0 then return nil end
          local record = {}
          for i = 1, #flat, 2 do record[flat[i]] = flat[i + 1] end
          return record
        end
        local function flat(record)
          local list = {}
          for field, value in pairs(record) do
            list[#list + 1] = field
            list[#list + 1] = value
          end
          return list
        end
        local function put(t, id, record) redis.call('HSET', key(t, id), unpack(flat(record))) end
        local function set(t, id, ...) redis.call('HSET', key(t, id), ...) end
        local function drop(t, id) redis.call('DEL', key(t, id)) end
        local function exists(t, id) return redis.call('EXISTS', key(t, id)) == 1 end
        local function index(name, score, member) redis.call('ZADD', P .. name, score, member) end
        local function unindex(name, member) redis.call('ZREM', P .. name, member) end
        local function oldest(name) return redis.call('ZRANGE', P .. name, 0, 0)[1] end
        local function order() return text(redis.call('INCR', P .. 'order')) end

        -- The later of the time that was passed in and the latest time this store has been given (S03).
        local function effective(given)
          local now = tonumber(given)
          local mark = tonumber(redis.call('GET', P .. 'clock') or '0')
          if now <= mark then return mark end
          redis.call('SET', P .. 'clock', given)
          return now
        end
        -- The same for a script that only reads.
        local function latest(given)
          return math.max(tonumber(given), tonumber(redis.call('GET', P .. 'clock') or '0'))
        end

        -- A record that was passed in: the number of its elements, then fields and values. Returns what follows it, too.
        local function given(position)
          local record = {}
          local count = tonumber(ARGV[position])
          for i = position + 1, position + count, 2 do record[ARGV[i]] = ARGV[i + 1] end
          return record, position + count + 1
        end


        """

    /// Runs the act, or finds out that it ran before: then the same answer, and a write again, so that a replica's
    /// confirmation that follows covers the first one.
    static let ending = """
        local note = KEYS[2]
        if not note then return act() end
        local before = redis.call('GET', note)
        if before then
          redis.call('PEXPIRE', note, 60000)
          return cmsgpack.unpack(before)
        end
        local result = act()
        redis.call('SET', note, cmsgpack.pack(result), 'PX', 60000)
        return result
        """
}
