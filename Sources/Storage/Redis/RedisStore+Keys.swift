package import AuthorizationServer
package import Telemetry

extension RedisStore: SigningKeyStore {
    package func establish(_ initial: [SigningKeyRecord]) async throws(StoreError) -> [SigningKeyRecord] {
        try Self.oldestFirst(try await run(.establishKeys, initial.flatMap { Self.fields(of: $0).arguments }))
    }

    package func signingKeys() async throws(StoreError) -> [SigningKeyRecord] {
        try Self.oldestFirst(try await run(.signingKeys, []))
    }

    package func add(
        _ key: SigningKeyRecord, unlessCreatedAfter threshold: Timestamp?
    ) async throws(StoreError) -> Bool {
        let answer = try await run(.addKey, [threshold?.redis ?? []] + Self.fields(of: key).arguments)
        return answer.word == "added"
    }

    package func retire(_ id: String, at now: Timestamp) async throws(StoreError) -> KeyRetirement {
        let answer = try await run(.retireKey, [.word(id), time(now)])
        switch answer.word {
        case "retired": return .retired
        case "onlyKey": return .onlyKey
        case "unknown": return .unknown
        default: throw answer.unexpected
        }
    }

    private static func fields(of key: SigningKeyRecord) -> RedisFields {
        var fields = RedisFields()
        fields.set("id", key.id)
        fields.set("algorithm", key.algorithm)
        fields.set("sealed", bytes: key.sealedPrivateKey)
        fields.set("created", key.createdAt)
        fields.set("signs", key.signsFrom)
        fields.set("retired", key.retiredAt)
        return fields
    }

    private static func oldestFirst(_ answer: RedisAnswer) throws(StoreError) -> [SigningKeyRecord] {
        var keys: [(record: SigningKeyRecord, order: Int64)] = []
        for record in try answer.records() {
            let key = SigningKeyRecord(
                id: try record.text("id"), algorithm: try record.text("algorithm"),
                sealedPrivateKey: try record.bytes("sealed"), createdAt: try record.time("created"),
                signsFrom: try record.time("signs"), retiredAt: try record.optionalTime("retired"))
            keys.append((key, try record.integer("order")))
        }
        return keys.sorted { ($0.record.createdAt, $0.order) < ($1.record.createdAt, $1.order) }.map(\.record)
    }
}

extension RedisScript {
    /// What the scripts for signing keys share.
    private static let keys = """
        local function trusted()
          local list = {}
          for _, id in ipairs(redis.call('SMEMBERS', P .. 'key.all')) do
            local record = get('key', id)
            if not record.retired then list[#list + 1] = record end
          end
          return list
        end
        local function add(record)
          record.order = order()
          put('key', record.id, record)
          redis.call('SADD', P .. 'key.all', record.id)
        end
        local function answer()
          local list = {'keys'}
          for _, record in ipairs(trusted()) do list[#list + 1] = flat(record) end
          return list
        end

        """

    fileprivate static let establishKeys = RedisScript(
        .decision,
        keys + """
            if redis.call('SCARD', P .. 'key.all') == 0 then
              local position = 1
              while ARGV[position] do
                local record
                record, position = given(position)
                add(record)
              end
            end
            return answer()
            """)

    fileprivate static let signingKeys = RedisScript(.none, keys + "return answer()")

    fileprivate static let addKey = RedisScript(
        .decision,
        keys + """
            local key = given(2)
            if ARGV[1] ~= '' then
              for _, other in ipairs(trusted()) do
                if other.algorithm == key.algorithm and tonumber(other.created) > tonumber(ARGV[1]) then
                  return {'newer'}
                end
              end
            end
            add(key)
            return {'added'}
            """)

    fileprivate static let retireKey = RedisScript(
        .decision,
        keys + """
            local key = get('key', ARGV[1])
            if not key or key.retired then return {'unknown'} end
            local now = tonumber(ARGV[2])
            local stays = tonumber(key.signs) <= now
            for _, other in ipairs(trusted()) do
              if other.id ~= key.id and other.algorithm == key.algorithm and tonumber(other.signs) <= now then
                stays = false
              end
            end
            if stays then return {'onlyKey'} end
            set('key', ARGV[1], 'retired', text(effective(ARGV[2])), 'sealed', '')
            return {'retired'}
            """)
}
