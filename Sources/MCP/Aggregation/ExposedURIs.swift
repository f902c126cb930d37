/// By which URIs the clients of an aggregate know the resources of its servers: the scheme gets the server before it,
/// `time+file:///x`, and nothing else changes (mcp.md C4). A template stays a template. Reversible, so that also a URI that stands
/// in no list finds its server.
///
/// `ui://` stays as it is, because hosts look for that scheme (MCP Apps); those are found by a table of their own.
package struct ExposedURIs: Sendable {
    /// What URIs of each server begin with: its tag and a plus.
    private let prefixes: [[UInt8]]

    /// The servers in the order of the configuration.
    package init(servers: [String]) {
        var taken: Set<[UInt8]> = []
        prefixes = servers.map { server in
            let tag = Self.tag(server)
            var unique = tag
            var number = 2
            while !taken.insert(unique).inserted {
                unique = tag + [UInt8(ascii: "-")] + DecimalText.bytes(number)
                number += 1
            }
            return unique + [UInt8(ascii: "+")]
        }
    }

    /// A scheme begins with a letter, has no underscore, and its case does not count (RFC 3986 §3.1).
    private static func tag(_ server: String) -> [UInt8] {
        let bytes = server.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte | 0x20
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): byte
            default: UInt8(ascii: ".")
            }
        }
        let beginsWithLetter = bytes.first.map { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) } ?? false
        return beginsWithLetter ? bytes : Array("s.".utf8) + bytes
    }

    /// What goes before a URI of `server`; nil where it stays as it is.
    package func prefix(for own: [UInt8], of server: Int) -> [UInt8]? { Self.isView(own) ? nil : prefixes[server] }

    /// The URI for clients.
    package func exposed(_ own: [UInt8], of server: Int) -> [UInt8] { (prefix(for: own, of: server) ?? []) + own }

    /// Whose it is, and what it is there; nil for what no server of the aggregate can have.
    package func owner(of uri: [UInt8]) -> (server: Int, own: [UInt8])? {
        guard let plus = uri.firstIndex(of: UInt8(ascii: "+")) else { return nil }
        // Clients may write a scheme in other letters.
        let prefix = uri[...plus].map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
        guard let server = prefixes.firstIndex(of: prefix) else { return nil }
        let own = Array(uri[(plus + 1)...])
        // One that is never given out.
        return Self.isView(own) ? nil : (server, own)
    }

    /// Whether it is of the scheme that MCP Apps look for.
    package static func isView(_ uri: [UInt8]) -> Bool {
        let scheme = Array("ui://".utf8)
        guard uri.count >= scheme.count else { return false }
        return zip(uri, scheme).allSatisfy { $0 == $1 || $0 | 0x20 == $1 && $1 >= UInt8(ascii: "a") }
    }
}
