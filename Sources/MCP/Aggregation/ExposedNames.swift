import Crypto

/// By which names the clients of an aggregate know what its servers call by names of their own: `SERVER__name` (mcp.md C2).
///
/// A name says nothing by itself: whoever looks one up does so in the table of the names that were given out. The same
/// name of the same server always becomes the same, whatever the other servers have or whether they run: one that is too long,
/// that another server could have too, or that has characters which models' interfaces refuse, ends in a digest of server and name.
package struct ExposedNames: Sendable {
    /// Longer ones are refused by many models' interfaces.
    package static let maximumBytes = 64
    /// Of the digest: 64 bits.
    private static let digits = 16

    private let servers: [[UInt8]]
    private let prefixes: [[UInt8]]

    /// The servers in the order of the configuration; what stands between a server's name and its own name of something.
    package init(servers: [String], separator: String) {
        self.servers = servers.map { Array($0.utf8) }
        prefixes = servers.map { Array(($0 + separator).utf8) }
    }

    /// What the names of a server begin with.
    package func prefix(of server: Int) -> String { String(decoding: prefixes[server], as: UTF8.self) }

    /// The name for clients.
    package func name(_ own: [UInt8], of server: Int) -> [UInt8] {
        let isLegal = own.allSatisfy(Self.isLegal)
        let name = prefixes[server] + (isLegal ? own : Self.legal(own))
        if isLegal, name.count <= Self.maximumBytes, !isAmbiguous(name, server) { return name }
        let digest = SHA256.digest(servers[server] + [0] + own).bytes.prefix(Self.digits / 2)
        let kept = name.prefix(Self.maximumBytes - Self.digits - 1)
        return kept + [UInt8(ascii: "_")] + digest.flatMap { [Self.digit($0 >> 4), Self.digit($0 & 15)] }
    }

    /// What every model's interface takes. MCP allows the full stop too, some of them do not.
    private static func isLegal(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    /// Of every other character an underscore.
    private static func legal(_ own: [UInt8]) -> [UInt8] {
        own.compactMap { byte in
            if isLegal(byte) { return byte }
            return byte & 0xC0 == 0x80 ? nil : UInt8(ascii: "_")
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    /// Whether it could be a name of another server, so that it depended on that one who has it.
    private func isAmbiguous(_ name: [UInt8], _ server: Int) -> Bool {
        prefixes.indices.contains { $0 != server && name.starts(with: prefixes[$0]) }
    }

    /// The server that a name which is in no table seems to mean: for words to people, never to find anything.
    package func suspect(_ name: [UInt8]) -> Int? { prefixes.firstIndex { name.starts(with: $0) } }
}
