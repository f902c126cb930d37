import Crypto
import JSON

/// What a client was last told of the lists of a server that does not announce changes, so that it can be asked whether they
/// are still so. The first page stands for a list.
struct ListMemory {
    struct Known {
        /// JSON text of the request that was answered.
        let request: [UInt8]
        var digest: [UInt8]
    }

    /// Which capability has which list.
    private static let capabilities: [(method: StaticString, capability: StaticString)] = [
        ("tools/list", "tools"), ("prompts/list", "prompts"), ("resources/list", "resources"),
        ("resources/templates/list", "resources"),
    ]

    private var announced: Set<String> = []
    private(set) var known: [String: Known] = [:]

    /// A session began with these capabilities.
    mutating func began(_ capabilities: JSONNode?) {
        known = [:]
        announced = []
        for list in ["tools", "prompts", "resources"] where capabilities?[list]?["listChanged"]?.boolean == true {
            announced.insert(list)
        }
    }

    /// Looks at an answer on its way to the client; nil where it is none to remember.
    mutating func note(_ request: JSONRPCMessage, _ answer: JSONDocument?) {
        guard let (method, capability) = Self.capabilities.first(where: { request.isMethod($0.method) }),
            !announced.contains(capability.description), request.params?["cursor"] == nil,
            let answer, let id = request.exactID, answer.root["id"].flatMap({ JSONRPCID($0) }) == id,
            let result = answer.root["result"]
        else { return }
        known[method.description] = Known(request: Array(request.node.bytes), digest: Self.digest(result))
    }

    /// The notification for the client where a list is not what it was told; nil where it is.
    mutating func changed(_ method: String, _ result: JSONNode) -> [UInt8]? {
        let digest = Self.digest(result)
        guard let known = known[method], known.digest != digest else { return nil }
        self.known[method]?.digest = digest
        guard let capability = Self.capabilities.first(where: { $0.method.description == method })?.capability else {
            return nil
        }
        let text = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/\(capability)/list_changed\"}"
        return Array(text.utf8)
    }

    private static func digest(_ result: JSONNode) -> [UInt8] { SHA256.digest(JSONText.compacted(result)).bytes }
}
