import Glibc

/// A connection over loopback whose packets are lost in both directions, as when somebody pulls the plug; until it is let go.
package final class SilentLine {
    private let rules: [[String]]

    /// Loses every packet from and to this port of a client.
    package init(clientPort: Int) throws {
        rules = ["--sport", "--dport"].map { ["INPUT", "-i", "lo", "-p", "tcp", $0, "\(clientPort)", "-j", "DROP"] }
        for rule in rules where try !Self.change("-I", rule) { throw DeadlineExceeded(what: "iptables \(rule)") }
    }

    deinit { for rule in rules { _ = try? Self.change("-D", rule) } }

    /// Whether this machine lets us lose packets.
    package static let isPossible: Bool = {
        guard geteuid() == 0 else { return false }
        return (try? RunningProgram.run("/usr/sbin/iptables", ["-w", "-L", "INPUT", "-n"]).exit) == .exited(0)
    }()

    private static func change(_ act: String, _ rule: [String]) throws -> Bool {
        try RunningProgram.run("/usr/sbin/iptables", ["-w", act] + rule).exit == .exited(0)
    }
}
