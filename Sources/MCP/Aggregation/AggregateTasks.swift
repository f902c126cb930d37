package import Crypto
import JSON

/// By which names the clients of an aggregate know the tasks of its servers (mcp.md C14): the server and its own name, sealed to
/// whoever began the task. Nobody else can ask for it, and no other server is ever asked.
package struct AggregateTasks: Sendable {
    /// Longest name that is looked at, of either side.
    private static let maximumBytes = 8192

    /// The member of `_meta` by which a message says to which task it belongs.
    package static let relationKey: StaticString = "io.modelcontextprotocol/related-task"

    private let key: SealingKey

    package init(key: SealingKey) {
        self.key = key.derived(for: "aggregate-task")
    }

    /// The name for a client; `holder` says whose it is. Another one each time.
    package func seal(_ own: [UInt8], of server: String, for holder: [UInt8]) throws(CryptoError) -> String? {
        guard own.count <= Self.maximumBytes / 2 else { return nil }
        let plaintext: JSONValue = ["s": .string(server), "t": .string(String(decoding: own, as: UTF8.self))]
        return Base64URL.encode(try key.seal(plaintext.serialized(), authenticating: holder))
    }

    /// Whose task it is, and what it is called there; nil where the name is damaged or somebody else's.
    package func open(_ text: [UInt8], for holder: [UInt8]) -> (server: String, own: [UInt8])? {
        guard text.count <= Self.maximumBytes, let sealed = Base64URL.decode(text),
            let plaintext = key.open(sealed, authenticating: holder),
            let root = (try? JSONDocument(parsing: plaintext))?.root, let server = root["s"]?.string,
            let own = root["t"]?.stringBytes
        else { return nil }
        return (server, own)
    }
}
