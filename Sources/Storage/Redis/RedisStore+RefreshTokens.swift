package import AuthorizationServer
package import OAuth
package import Telemetry

extension RedisStore: RefreshTokenStore {
    package func refreshToken(
        _ id: SecretDigest
    ) async throws(StoreError) -> (token: RefreshTokenRecord, grant: GrantRecord)? {
        let answer = try await run(.refreshToken, [id.bytes])
        guard answer.word == "found" else { return nil }
        let record = try answer.record(1)
        let grant = try Self.grant(try answer.record(2))
        let token = RefreshTokenRecord(
            id: id, grant: grant.id, generation: try record.count("generation"), issuedAt: try record.time("issued"),
            rotatedAt: try record.optionalTime("rotated"), presentations: try record.count("presentations"))
        return (token, grant)
    }

    package func rotate(
        _ id: SecretDigest, of client: ClientID, successor: SecretDigest, policy: RotationPolicy, at now: Timestamp
    ) async throws(StoreError) -> RefreshRotation {
        let answer = try await run(
            .rotateToken,
            [
                id.bytes, client.redis, successor.bytes, .word(String(policy.graceMilliseconds)),
                .number(policy.maximumPresentations), time(now),
            ])
        switch answer.word {
        case "unknown": return .unknown
        case "wrongClient": return .wrongClient
        case "revoked": return .revoked(GrantID(try answer.text(1)))
        case "expired": return .expired
        case "reused": return .reused(GrantID(try answer.text(1)))
        case "rotated": return .rotated(try Self.grant(try answer.record(1)), withinGrace: false)
        case "again": return .rotated(try Self.grant(try answer.record(1)), withinGrace: true)
        default: throw answer.unexpected
        }
    }
}

extension RedisScript {
    fileprivate static let refreshToken = RedisScript(
        .none,
        """
        local token = get('refresh', ARGV[1])
        local grant = token and get('grant', token.grant)
        if not grant then return {'unknown'} end
        return {'found', flat(token), flat(grant)}
        """)

    fileprivate static let rotateToken = RedisScript(
        .decision,
        """
        local now = effective(ARGV[6])
        local token = get('refresh', ARGV[1])
        local grant = token and get('grant', token.grant)
        if not grant then return {'unknown'} end
        if grant.client ~= ARGV[2] then return {'wrongClient'} end
        if grant.revoked then return {'revoked', grant.id} end
        if now >= tonumber(grant.ends) then return {'expired'} end
        if token.rotated and (now - tonumber(token.rotated) >= tonumber(ARGV[4])
            or tonumber(token.presentations) >= tonumber(ARGV[5])) then
          revoke(grant.id, 'refresh_token_reuse', now)
          return {'reused', grant.id}
        end
        set('refresh', ARGV[1], 'rotated', token.rotated or text(now),
          'presentations', text(tonumber(token.presentations) + 1))
        putToken(ARGV[3], grant.id, tonumber(token.generation) + 1, now)
        return {token.rotated and 'again' or 'rotated', flat(grant)}
        """)
}
