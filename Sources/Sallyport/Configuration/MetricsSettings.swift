import AsyncIO

/// `metrics`: who sees what is for whoever runs the gateway.
struct MetricsSettings: Sendable, Equatable {
    /// `listen`: where they are asked for, in the clear; nil where that is the address of the servers.
    var listen: SocketAddress?
    /// `allow`: who gets the numbers; nil for everybody who gets there.
    var allowed: [CIDR]?

    /// Whether a request from `address` is one of those who may see everything.
    func admits(_ address: SocketAddress) -> Bool {
        guard let allowed else { return true }
        guard let address = address.ipAddress else { return false }
        return allowed.contains { $0.contains(address) }
    }
}

/// Reads `metrics`.
struct MetricsReader {
    let context: ConfigurationContext

    /// What the section says; everything is open where there is none.
    func settings(in section: ConfigurationSection?) -> MetricsSettings {
        guard var section else { return MetricsSettings() }
        var settings = MetricsSettings()
        let listen = section.value("listen")
        if let allow = section.value("allow") { settings.allowed = blocks(allow) }
        settings.listen = listen?.listenAddress()
        section.finish(hints: ["enabled": "write allow: [127.0.0.1], or listen: 127.0.0.1:9090"])
        if let address = settings.listen, !address.isLoopback, settings.allowed == nil {
            listen?.note(
                "whoever reaches \(address) sees the names of the servers and how much they are used",
                hint: "a firewall, or allow: with the addresses of Prometheus")
        }
        return settings
    }

    private func blocks(_ value: ConfigurationValue) -> [CIDR]? {
        guard let list = value.list() else { return nil }
        if list.isEmpty { value.refuse("names nobody", hint: "like [127.0.0.1, 10.0.0.0/8]") }
        return list.compactMap { entry in
            guard let text = entry.nonEmptyString() else { return nil }
            if let block = CIDR(text) { return block }
            entry.refuse("\"\(text)\" is not a block of addresses", hint: "like 10.0.0.0/8 or 127.0.0.1")
            return nil
        }
    }
}
