import Crypto
import JSON

/// What a client was last told of the lists of a server that does not announce changes, so that it can be asked whether they
/// are still so: of each list as many pages as the client has turned.
struct ListMemory {
    struct Known {
        /// JSON text of the request that was answered with the first page.
        let request: [UInt8]
        /// A digest of each page, in their order.
        var pages: [[UInt8]]
        /// The cursor by which the client goes on.
        var next: [UInt8]?
    }

    /// Pages that are remembered, and looked at again.
    static let maximumPages = 32

    /// Which list is of which capability, and where it stands in an answer.
    private static let lists: [(method: StaticString, capability: StaticString, key: StaticString)] = [
        ("tools/list", "tools", "tools"), ("prompts/list", "prompts", "prompts"),
        ("resources/list", "resources", "resources"), ("resources/templates/list", "resources", "resourceTemplates"),
    ]

    private var announced: Set<String> = []
    private(set) var known: [String: Known] = [:]

    /// The server said that it has these capabilities.
    mutating func began(_ capabilities: JSONNode?) {
        known = [:]
        announced = []
        for list in ["tools", "prompts", "resources"] where capabilities?[list]?["listChanged"]?.boolean == true {
            announced.insert(list)
        }
    }

    /// There is no way by which the server could say that its lists have changed.
    mutating func hearsNothing() { announced = [] }

    /// Whether `request` is for a list.
    static func isList(_ request: JSONRPCMessage) -> Bool { lists.contains { request.isMethod($0.method) } }

    /// Looks at an answer on its way to the client.
    mutating func note(_ request: JSONRPCMessage, _ answer: JSONDocument?) {
        guard let list = Self.lists.first(where: { request.isMethod($0.method) }),
            !announced.contains(list.capability.description), let answer, let id = request.exactID,
            answer.root["id"].flatMap({ JSONRPCID($0) }) == id, let result = answer.root["result"]
        else { return }
        let method = list.method.description
        let digest = Self.digest(result, of: method)
        let next = result["nextCursor"]?.stringBytes
        guard let cursor = request.params?["cursor"] else {
            known[method] = Known(request: Array(request.node.bytes), pages: [digest], next: next)
            return
        }
        guard let count = known[method]?.pages.count, count < Self.maximumPages, let turned = known[method]?.next,
            cursor.stringBytes == turned
        else { return }
        known[method]?.pages.append(digest)
        known[method]?.next = next
    }

    /// JSON text of the parameters for a page of a list that is known, by those of the first one.
    static func parameters(_ first: JSONNode?, cursor: [UInt8]?) -> [UInt8] {
        let own = first.flatMap { $0.isObject ? Array($0.bytes) : nil } ?? Array("{}".utf8)
        guard let cursor, let alone = try? JSONDocument(parsing: own) else { return own }
        var patch = JSONPatch(alone)
        patch.set("cursor", to: JSONText.quoted(String(decoding: cursor, as: UTF8.self)), in: alone.root)
        return patch.applied()
    }

    /// What tells a page from another one with other entries. Cursors differ each time at some servers.
    static func digest(_ result: JSONNode, of method: String) -> [UInt8] {
        let key = lists.first { $0.method.description == method }?.key
        let entries = key.flatMap { result[$0] } ?? result
        let isLast: UInt8 = result["nextCursor"]?.stringBytes == nil ? 1 : 0
        return SHA256.digest(JSONText.compacted(entries) + [isLast]).bytes
    }

    /// The server gave these pages, where it had given `old`. The notification for the client where it was told other ones; nil
    /// where not, or where it has asked itself meanwhile.
    mutating func changed(_ method: String, from old: [[UInt8]], to pages: [[UInt8]]) -> [UInt8]? {
        guard pages != old, known[method]?.pages == old,
            let capability = Self.lists.first(where: { $0.method.description == method })?.capability
        else { return nil }
        known[method]?.pages = pages
        known[method]?.next = nil
        let text =
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/\(capability)/list_changed\","
            + "\"params\":{\"_meta\":{\"\(JSONRPCMessage.comparisonKey)\":true}}}"
        return Array(text.utf8)
    }
}

extension JSONRPCMessage {
    fileprivate static let comparisonKey: StaticString = "dev.sallyport/compared"

    /// Whether it says what the way to the server found out by itself, and not what the server announced.
    package var isOfComparison: Bool { params?["_meta"]?[Self.comparisonKey]?.boolean == true }
}
