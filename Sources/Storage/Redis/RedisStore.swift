package import AsyncIO
package import AuthorizationServer
package import Crypto
package import Telemetry

/// Every store of the authorization server in one Redis 7, for any number of gateways.
///
/// The verbs stand in the files `RedisStore+….swift`, one for each protocol, each with its script: a verb is one script,
/// which Redis runs alone.
package final class RedisStore: Sendable {
    let client: RedisClient
    let clock = HighWaterMark()

    /// Begins to connect, with one connection on each of `loops`; does not wait. Calls wait for the first attempt.
    /// Fails when TLS is wanted and its authorities cannot be read.
    package init(location: RedisLocation, loops: [EventLoop], logger: Logger) throws(TLSError) {
        client = try RedisClient(location: location, loops: loops, logger: logger)
    }

    /// The key under which the latest time stands that the store has been given.
    package var clockKey: String { "\(client.location.prefix)clock" }

    /// The latest time that the store has been given, by any gateway.
    package func highWaterMark() async throws(StoreError) -> Timestamp {
        let reply = try await client.read(RESPCommand.encode("GET", clockKey))
        guard let text = reply.text else { return Timestamp(millisecondsSinceEpoch: 0) }
        guard let mark = Int64(text) else { throw RedisRecord.corrupt("the clock is not a number") }
        return Timestamp(millisecondsSinceEpoch: mark)
    }

    /// Ends the connections. Later calls fail as unavailable.
    package func close() async { await client.close() }

    // MARK: - Steps of the verbs

    /// Runs a script.
    func run(_ script: RedisScript, _ arguments: [[UInt8]]) async throws(StoreError) -> RedisAnswer {
        try await client.run(script, arguments)
    }

    /// Runs a script that says nothing but that it is done.
    func perform(_ script: RedisScript, _ arguments: [[UInt8]]) async throws(StoreError) {
        let answer = try await run(script, arguments)
        guard answer.word == "done" else { throw answer.unexpected }
    }

    /// One record by its table and id; nil when there is none.
    func record(_ table: String, _ id: [UInt8]) async throws(StoreError) -> RedisRecord? {
        let key = Array("\(client.location.prefix)\(table):\(id.count):".utf8) + id
        return try RedisRecord(try await client.read(RESPCommand.encode([Array("HGETALL".utf8), key])))
    }

    /// `now` as a script gets it: never earlier than what this process passed before, also when a failover lost that.
    func time(_ now: Timestamp) -> [UInt8] { clock.advance(to: now).redis }

    /// The latest time that this process passed.
    var latestTime: [UInt8] { Timestamp(millisecondsSinceEpoch: clock.value).redis }
}

extension [UInt8] {
    /// Values of our own as arguments of a script.
    static func word(_ text: String) -> [UInt8] { Array(text.utf8) }
    static func number(_ number: Int) -> [UInt8] { Array(String(number).utf8) }
}
