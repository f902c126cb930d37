package import AuthorizationServer
package import OAuth
package import Telemetry

extension RedisStore: ClientRegistrationStore {
    package func client(
        _ id: ClientID, presenting token: SecretDigest
    ) async throws(StoreError) -> ClientRecord? {
        guard let record = try await run(.presentRegistration, [id.redis, token.bytes]).optionalRecord(1) else {
            return nil
        }
        return try Self.client(record)
    }

    package func replace(
        _ id: ClientID, metadata: [UInt8], secretDigest: SecretDigest?, presenting token: SecretDigest,
        successor: SecretDigest
    ) async throws(StoreError) -> Bool {
        let answer = try await run(
            .replaceRegistration, [id.redis, token.bytes, metadata, successor.bytes, secretDigest?.bytes ?? []])
        return answer.word == "replaced"
    }

    package func removeClient(
        _ id: ClientID, presenting token: SecretDigest?, at now: Timestamp
    ) async throws(StoreError) -> [GrantID]? {
        let answer = try await run(.removeClient, [id.redis, token?.bytes ?? [], time(now)])
        guard answer.word == "removed" else { return nil }
        return try answer.texts().map(GrantID.init)
    }

    package func clients(after id: ClientID?, limit: Int) async throws(StoreError) -> [ClientRecord] {
        let start = id.map { [UInt8(ascii: "(")] + $0.redis } ?? .word("-")
        var clients: [ClientRecord] = []
        for record in try await run(.listClients, [start, .number(max(0, limit))]).records() {
            clients.append(try Self.client(record))
        }
        return clients
    }
}

extension RedisScript {
    /// Whether a token is one of a client's registration access tokens.
    private static let accepts = """
        local function accepts(client, token)
          return client and (client.registration == token or client.previousRegistration == token)
        end

        """

    fileprivate static let presentRegistration = RedisScript(
        .decision,
        accepts + """
            local client = get('client', ARGV[1])
            if not accepts(client, ARGV[2]) then return {'none', {}} end
            if client.registration == ARGV[2] then redis.call('HDEL', key('client', ARGV[1]), 'previousRegistration') end
            return {'client', flat(client)}
            """)

    fileprivate static let replaceRegistration = RedisScript(
        .decision,
        accepts + """
            if not accepts(get('client', ARGV[1]), ARGV[2]) then return {'none'} end
            set('client', ARGV[1], 'metadata', ARGV[3], 'registration', ARGV[4], 'previousRegistration', ARGV[2])
            if ARGV[5] == '' then
              redis.call('HDEL', key('client', ARGV[1]), 'secret')
            else
              set('client', ARGV[1], 'secret', ARGV[5])
            end
            return {'replaced'}
            """)

    fileprivate static let removeClient = RedisScript(
        .decision,
        accepts + """
            local client = get('client', ARGV[1])
            if not client or (ARGV[2] ~= '' and not accepts(client, ARGV[2])) then return {'none'} end
            local now = effective(ARGV[3])
            dropClient(ARGV[1])
            for _, id in ipairs(redis.call('SMEMBERS', key('consent.client', ARGV[1]))) do dropConsent(id) end
            burnCodes(key('code.client', ARGV[1]))
            local answer = revokeLive(key('grant.client', ARGV[1]), 'client_removed', now)
            table.insert(answer, 1, 'removed')
            return answer
            """)

    fileprivate static let listClients = RedisScript(
        .none,
        """
        local answer = {'clients'}
        for _, id in ipairs(redis.call('ZRANGE', P .. 'client.all', ARGV[1], '+', 'BYLEX', 'LIMIT', 0, ARGV[2])) do
          answer[#answer + 1] = flat(get('client', id))
        end
        return answer
        """)
}
