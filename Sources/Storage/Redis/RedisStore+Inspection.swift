package import AuthorizationServer

extension RedisStore {
    /// What an operator should know about how the server keeps what it acknowledges: sentences, none when all is well.
    ///
    /// It waits until the store answers, at most as long as one call.
    package func weaknesses() async throws(StoreError) -> [String] {
        let reply = try await client.read(RESPCommand.encode("INFO", "server", "persistence", "memory"))
        let facts = RedisServerFacts(reply.text ?? "")
        var sentences: [String] = []
        if !facts.hasAppendOnlyFile {
            sentences.append("Redis keeps nothing on disk when it is killed: set appendonly yes and appendfsync always")
        } else if let policy = try await setting("appendfsync"), policy != "always" {
            sentences.append(
                "Redis may lose what it acknowledged in a power cut (appendfsync \(policy)): set appendfsync always")
        }
        if !facts.evictionPolicy.isEmpty, facts.evictionPolicy != "noeviction" {
            sentences.append(
                "Redis may forget grants when its memory is full (maxmemory-policy \(facts.evictionPolicy)): "
                    + "set maxmemory-policy noeviction")
        }
        return sentences
    }

    /// One setting of the server; nil where this account may not ask.
    private func setting(_ name: String) async throws(StoreError) -> String? {
        do throws(StoreError) {
            let reply = try await client.read(RESPCommand.encode("CONFIG", "GET", name))
            return reply.elements?.last?.text
        } catch {
            // Managed servers refuse CONFIG. That it is refused does not make the store unusable.
            return nil
        }
    }
}
