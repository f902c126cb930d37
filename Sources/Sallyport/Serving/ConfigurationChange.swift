import Gateway

/// What another configuration changes for a gateway that runs.
struct ConfigurationChange {
    let old: Configuration
    let new: Configuration

    /// Keys whose change needs a restart: sockets, files and stores that are open, and the name under which tokens and
    /// metadata were given out.
    var fixedKeys: [String] {
        var keys: [String] = []
        func compare(_ key: String, _ isSame: Bool) { if !isSame { keys.append(key) } }
        compare("public_url", old.publicURL == new.publicURL)
        compare("listen", old.listen == new.listen)
        compare("routing", old.routing == new.routing)
        compare("tls", Self.isSame(old.tls, new.tls))
        compare("metrics", old.metrics == new.metrics)
        compare("rate_limits.handshakes", old.handshakesPerMinute == new.handshakesPerMinute)
        compare("limits", old.limits == new.limits)
        compare("data_dir", old.dataDirectory.utf8.elementsEqual(new.dataDirectory.utf8))
        compare("storage", old.storage == new.storage && old.redis == new.redis)
        compare("sealing_key", old.sealingKey == new.sealingKey)
        compare("audit", old.audit == new.audit)
        compare("logging.format", old.logging.format == new.logging.format)
        return keys
    }

    /// The content of the files is no matter of the configuration: they are read again when they change.
    private static func isSame(_ old: TLSSettings?, _ new: TLSSettings?) -> Bool {
        guard let old, let new else { return old == nil && new == nil }
        guard old.redirectListen == new.redirectListen else { return false }
        switch (old.source, new.source) {
        case (.files(let left), .files(let right)): return left.files == right.files
        case (.acme(let left), .acme(let right)): return left == right
        case (.files, .acme), (.acme, .files): return false
        }
    }

    /// Which servers go on with their sessions.
    var continuity: Gateway.Continuity {
        let before = Dictionary(old.servers.map { ($0.name, $0) }) { first, _ in first }
        // Servers elsewhere are told who asks by a signature of this kind.
        let signsAlike = old.oauth.signingAlgorithm == new.oauth.signingAlgorithm
        // Sessions go by the rules with which they began: under other rules none of them goes on.
        guard old.allowsSecretForms == new.allowsSecretForms, old.access == new.access,
            old.access == nil || old.servers.map(\.name) == new.servers.map(\.name)
        else {
            return Gateway.Continuity(servers: [], includesAggregate: false)
        }
        let same = new.servers.filter { before[$0.name] == $0 && ($0.remote == nil || signsAlike) }
        return Gateway.Continuity(
            servers: Set(same.map(\.name)),
            includesAggregate: old.aggregate == new.aggregate && same.count == new.servers.count
                && old.servers.map(\.name) == new.servers.map(\.name))
    }

    /// What happens to the servers, for the log.
    var summary: (added: [String], removed: [String], changed: [String]) {
        let (before, after) = (Set(old.servers.map(\.name)), Set(new.servers.map(\.name)))
        return (
            after.subtracting(before).sorted(), before.subtracting(after).sorted(),
            before.intersection(after).subtracting(continuity.servers).sorted()
        )
    }
}
