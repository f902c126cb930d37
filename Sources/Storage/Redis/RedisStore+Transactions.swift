package import AuthorizationServer
package import OAuth
package import Telemetry

extension RedisStore: AuthorizationTransactionStore {
    package func begin(_ transaction: AuthorizationTransaction, capacity: Int) async throws(StoreError) {
        var fields = RedisFields()
        fields.set("browser", transaction.browser)
        fields.set("stage", transaction.stage.rawValue)
        fields.set("request", bytes: transaction.request)
        fields.set("user", transaction.user?.value)
        fields.set("began", transaction.beganAt)
        fields.set("expires", transaction.expiresAt)
        try await perform(.beginTransaction, [.number(capacity), transaction.id.bytes] + fields.arguments)
    }

    package func transaction(_ id: SecretDigest) async throws(StoreError) -> AuthorizationTransaction? {
        guard let record = try await record("transaction", id.bytes) else { return nil }
        return try Self.transaction(id, record)
    }

    package func advance(
        _ id: SecretDigest, browser: SecretDigest, from stage: AuthorizationTransaction.Stage,
        to next: AuthorizationTransaction.Stage, user: UserID?, at now: Timestamp
    ) async throws(StoreError) -> TransactionAdvance {
        let answer = try await run(
            .advanceTransaction,
            [id.bytes, browser.bytes, .word(stage.rawValue), .word(next.rawValue), time(now)]
                + (user.map { [$0.redis] } ?? []))
        switch answer.word {
        case "unknown": return .unknown
        case "wrongBrowser": return .wrongBrowser
        case "wrongStage": return .wrongStage(try Self.stage(try answer.text(1)))
        case "expired": return .expired
        case "advanced": return .advanced(try Self.transaction(id, try answer.record(1)))
        default: throw answer.unexpected
        }
    }

    private static func stage(_ word: String) throws(StoreError) -> AuthorizationTransaction.Stage {
        guard let stage = AuthorizationTransaction.Stage(rawValue: word) else {
            throw RedisRecord.corrupt("unknown stage of a transaction")
        }
        return stage
    }

    private static func transaction(
        _ id: SecretDigest, _ record: RedisRecord
    ) throws(StoreError) -> AuthorizationTransaction {
        AuthorizationTransaction(
            id: id, browser: try record.digest("browser"), stage: try stage(try record.text("stage")),
            request: try record.bytes("request"), user: try record.optionalText("user").map(UserID.init),
            beganAt: try record.time("began"), expiresAt: try record.time("expires"))
    }
}

extension RedisScript {
    fileprivate static let beginTransaction = RedisScript(
        .decision,
        """
        local capacity = math.max(1, tonumber(ARGV[1]))
        while redis.call('ZCARD', P .. 'transaction.age') >= capacity do
          local id = oldest('transaction.age')
          drop('transaction', id)
          unindex('transaction.age', id)
          unindex('transaction.ends', id)
          unindex('transaction.open', id)
        end
        local transaction = given(3)
        put('transaction', ARGV[2], transaction)
        index('transaction.age', transaction.began, ARGV[2])
        index('transaction.ends', transaction.expires, ARGV[2])
        if transaction.stage ~= 'finished' then index('transaction.open', transaction.expires, ARGV[2]) end
        return {'done'}
        """)

    fileprivate static let advanceTransaction = RedisScript(
        .decision,
        """
        local now = effective(ARGV[5])
        local transaction = get('transaction', ARGV[1])
        if not transaction then return {'unknown'} end
        if transaction.browser ~= ARGV[2] then return {'wrongBrowser'} end
        if transaction.stage ~= ARGV[3] then return {'wrongStage', transaction.stage} end
        if now >= tonumber(transaction.expires) then return {'expired'} end
        transaction.stage = ARGV[4]
        transaction.user = ARGV[6] or transaction.user
        put('transaction', ARGV[1], transaction)
        if transaction.stage == 'finished' then unindex('transaction.open', ARGV[1]) end
        return {'advanced', flat(transaction)}
        """)
}
