package import AuthorizationServer
import OAuth
package import Telemetry

extension RedisStore: AuthorizationCodeStore {
    package func issue(_ code: AuthorizationCodeRecord) async throws(StoreError) {
        var fields = Self.fields(of: code.grant)
        fields.set("grant", code.grant.id)
        fields.set("redirect", code.redirectURI)
        fields.set("challenge", code.codeChallenge)
        fields.set("issued", code.issuedAt)
        fields.set("expires", code.expiresAt)
        fields.set("redeemed", code.redeemedAt)
        fields.set("failures", code.failures)
        try await perform(.issueCode, [code.id.bytes] + fields.arguments)
    }

    package func code(_ id: SecretDigest) async throws(StoreError) -> AuthorizationCodeRecord? {
        guard let record = try await record("code", id.bytes) else { return nil }
        return AuthorizationCodeRecord(
            id: id, grant: try Self.grant(record, id: "grant"), redirectURI: try record.text("redirect"),
            codeChallenge: try record.text("challenge"), issuedAt: try record.time("issued"),
            expiresAt: try record.time("expires"), redeemedAt: try record.optionalTime("redeemed"),
            failures: try record.count("failures"))
    }

    package func redeem(
        _ id: SecretDigest, refreshToken: SecretDigest?, keyThumbprint: String?, failureLimit: Int, at now: Timestamp
    ) async throws(StoreError) -> CodeRedemption {
        let answer = try await run(
            .redeemCode,
            [id.bytes, refreshToken?.bytes ?? [], .number(failureLimit), time(now)]
                + (keyThumbprint.map { [.word($0)] } ?? []))
        switch answer.word {
        case "unknown": return .unknown
        case "reused": return .reused(GrantID(try answer.text(1)))
        case "burnt": return .burnt
        case "expired": return .expired
        case "redeemed": return .redeemed(try Self.grant(try answer.record(1)))
        default: throw answer.unexpected
        }
    }

    package func countFailure(_ id: SecretDigest, at now: Timestamp) async throws(StoreError) -> Int {
        Int(try await run(.countCodeFailure, [id.bytes, time(now)]).integer(1))
    }
}

extension RedisScript {
    fileprivate static let issueCode = RedisScript(
        .decision,
        """
        local code = given(2)
        put('code', ARGV[1], code)
        redis.call('SADD', key('code.user', code.user), ARGV[1])
        redis.call('SADD', key('code.client', code.client), ARGV[1])
        index('code.open', code.expires, ARGV[1])
        index('code.ends', text(math.min(tonumber(code.expires), tonumber(code.ends))), ARGV[1])
        return {'done'}
        """)

    fileprivate static let redeemCode = RedisScript(
        .decision,
        """
        local now = effective(ARGV[4])
        local code = get('code', ARGV[1])
        if not code then return {'unknown'} end
        if code.redeemed then
          revoke(code.grant, 'code_reuse', now)
          return {'reused', code.grant}
        end
        if tonumber(code.failures) >= tonumber(ARGV[3]) then return {'burnt'} end
        if now >= tonumber(code.expires) then return {'expired'} end
        set('code', ARGV[1], 'redeemed', text(now))
        settleCode(ARGV[1], code)
        -- Kept until its grant ends, so that a late replay is recognised.
        index('code.ends', code.ends, ARGV[1])
        code.thumbprint = ARGV[5]
        return {'redeemed', flat(openGrant(code.grant, code, ARGV[2], now))}
        """)

    fileprivate static let countCodeFailure = RedisScript(
        .decision,
        """
        effective(ARGV[2])
        local failures = redis.call('HGET', key('code', ARGV[1]), 'failures')
        if not failures then return {'counted', '0'} end
        local count = math.min(tonumber(failures) + 1, tonumber(BURNT))
        set('code', ARGV[1], 'failures', text(count))
        return {'counted', text(count)}
        """)
}
