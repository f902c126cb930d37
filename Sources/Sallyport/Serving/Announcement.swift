import Storage
import Telemetry

/// What the start says: where everything is, and what to do next.
struct Announcement: Sendable {
    let configuration: Configuration
    /// The port that was bound.
    let port: Int
    /// The one-time link of a first start.
    let setupURL: String?
    let servers: [ServedAddress]
    /// Whether a login stands before the servers.
    let isProtected: Bool

    /// Says it: as text to a person, as events to a machine.
    func make(logger: Logger) {
        guard Console.isTerminal, configuration.logging.format != .json else { return log(logger) }
        Console.complain(text)
    }

    private func log(_ logger: Logger) {
        logger.notice(
            "serving",
            [
                "origin": .string(origin), "listen": .string("\(configuration.listen)"),
                "servers": .string(servers.map(\.name).joined(separator: ",")), "version": .string(Version.text),
            ])
        for server in servers { logger.notice("server", ["name": .string(server.name), "url": .string(url(server))]) }
        if let setupURL {
            logger.notice("set the first password here, once, within a day", ["url": .string(setupURL)])
            // Without it nobody can ever log in, so no log level hides it.
            if !logger.isEnabled(.notice) { Console.complain(setupURL) }
        }
        if !isProtected { logger.warning("no login: anybody who reaches this address can use the server") }
    }

    private var place: String {
        switch configuration.storage {
        case .sqlite: configuration.dataDirectory
        case .redis: configuration.redis?.description ?? ""
        case .memory: "in memory"
        }
    }

    private var origin: String { configuration.displayOrigin(port: port) }

    private func url(_ server: ServedAddress) -> String { server.url(at: origin) }

    private var text: String {
        let width = servers.map(\.name.count).max() ?? 0
        var lines = ["", "Sallyport \(Version.text) serves:", ""]
        for server in servers {
            let padding = String(repeating: " ", count: width - server.name.count)
            lines.append("    \(server.name)\(padding)  \(url(server))")
        }
        lines.append("")
        if let setupURL {
            lines += [
                "First start. Set the password of the account \"admin\" here, once, within a day:", "",
                "    \(setupURL)", "",
            ]
        }
        if !isProtected { lines += ["No login: anybody who reaches this address can use the server.", ""] }
        if let first = servers.first {
            lines += [
                "Then connect a client, for example:", "",
                "    claude mcp add --transport http \(first.name) \(url(first))", "",
            ]
        }
        lines.append("State: \(isProtected ? place : "in memory"). Ctrl-C stops.")
        return lines.joined(separator: "\n") + "\n"
    }
}
