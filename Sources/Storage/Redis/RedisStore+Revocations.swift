package import AuthorizationServer
import OAuth
import Telemetry

extension RedisStore: RevocationFeed {
    package func revocations(after sequence: Int64, limit: Int) async throws(StoreError) -> [Revocation] {
        let reply = try await client.read(
            RESPCommand.encode(
                "XRANGE", "\(client.location.prefix)feed", "(\(max(0, sequence))-0", "+", "COUNT", String(limit)))
        guard let entries = reply.elements else { throw Self.corruptFeed }
        var revocations: [Revocation] = []
        for entry in entries { revocations.append(try Self.revocation(entry)) }
        return revocations
    }

    private static func revocation(_ entry: RESPValue) throws(StoreError) -> Revocation {
        guard let parts = entry.elements, parts.count == 2,
            let sequence = parts[0].text?.split(separator: "-").first.flatMap({ Int64($0) }),
            let record = try RedisRecord(parts[1])
        else { throw corruptFeed }
        return Revocation(
            sequence: sequence, grant: GrantID(try record.text("grant")), revokedAt: try record.time("at"))
    }

    private static var corruptFeed: StoreError { RedisRecord.corrupt("the feed of revocations cannot be read") }
}

extension RedisScript {
    /// Run on every new connection with the server's run id. Another server, or the same one started again, may have
    /// forgotten the latest numbers of the feed; whoever has read up to them would miss what is given the same numbers
    /// again. So its numbers go on far above.
    static let adopt = RedisScript(
        .note,
        """
        if redis.call('GET', P .. 'feed.server') == ARGV[1] then return {'same'} end
        redis.call('SET', P .. 'feed.server', ARGV[1])
        redis.call('INCRBY', P .. 'feed.last', '4294967296')
        return {'new'}
        """)
}
