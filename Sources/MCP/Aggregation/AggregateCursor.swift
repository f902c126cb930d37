package import Crypto
import JSON

/// Where a list of an aggregate goes on (mcp.md C5): in what is known of a server's list, or where that server said.
package struct AggregateCursor: Sendable, Hashable {
    package let list: AggregateList
    package let server: String
    /// How many entries of the server came before.
    package let position: Int
    /// The server's own cursor, for what is not known here.
    package let upstream: [UInt8]?

    package init(list: AggregateList, server: String, position: Int = 0, upstream: [UInt8]? = nil) {
        self.list = list
        self.server = server
        self.position = position
        self.upstream = upstream
    }
}

/// Seals cursors: unreadable, unchangeable, good for whoever got them while the same servers are configured.
package struct AggregateCursors: Sendable {
    /// Longest one that is looked at.
    private static let maximumBytes = 65_536

    private let key: SealingKey
    private let epoch: [UInt8]

    /// `epoch` says what is configured.
    package init(key: SealingKey, epoch: [UInt8]) {
        self.key = key.derived(for: "aggregate-cursor")
        self.epoch = epoch
    }

    /// The text for a client; `holder` says whose it is.
    package func seal(_ cursor: AggregateCursor, for holder: [UInt8]) throws(CryptoError) -> String {
        var members: [JSONValue.Member] = [
            .init("l", .integer(Int64(cursor.list.rawValue))), .init("s", .string(cursor.server)),
            .init("p", .integer(Int64(cursor.position))),
        ]
        if let upstream = cursor.upstream {
            members.append(.init("u", .string(String(decoding: upstream, as: UTF8.self))))
        }
        let plaintext = JSONValue.object(members).serialized()
        return Base64URL.encode(try key.seal(plaintext, authenticating: epoch + holder))
    }

    /// What a client brought; nil where it is damaged, somebody else's, of other servers or of another list.
    package func open(_ text: [UInt8], of list: AggregateList, for holder: [UInt8]) -> AggregateCursor? {
        guard text.count <= Self.maximumBytes, let sealed = Base64URL.decode(text),
            let plaintext = key.open(sealed, authenticating: epoch + holder),
            let root = (try? JSONDocument(parsing: plaintext))?.root, root["l"]?.integer == Int64(list.rawValue),
            let server = root["s"]?.string, let position = root["p"]?.integer.flatMap({ Int(exactly: $0) }),
            position >= 0
        else { return nil }
        return AggregateCursor(
            list: list, server: server, position: position, upstream: root["u"]?.stringBytes)
    }
}
