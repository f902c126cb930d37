import Crypto

/// By which names the clients of an aggregate know what its servers call by names of their own: `SERVER__name` (mcp.md C2).
///
/// A name says nothing by itself: whoever looks one up does so in the table of the names that were given out. The same
/// name of the same server always becomes the same, whatever the other servers have or whether they run: one that is too long, or
/// that another server could have too, ends in a digest of server and name.
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
        let name = prefixes[server] + own
        if name.count <= Self.maximumBytes, !isAmbiguous(name, server) { return name }
        let digest = SHA256.digest(servers[server] + [0] + own).bytes.prefix(Self.digits / 2)
        var end = min(name.count, Self.maximumBytes - Self.digits - 1)
        // Never in the middle of a character.
        while end > 0, end < name.count, name[end] & 0xC0 == 0x80 { end -= 1 }
        return name[..<end] + [UInt8(ascii: "_")] + digest.flatMap { [Self.digit($0 >> 4), Self.digit($0 & 15)] }
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
