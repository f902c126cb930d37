package import JSON

/// One message of JSON-RPC 2.0: which kind it is and where its parts stand. Parameters and results stay bytes.
package struct JSONRPCMessage: Sendable {
    /// What the message is.
    package enum Kind: Sendable, Hashable {
        /// A method with an id.
        case request
        /// A method without an id.
        case notification
        /// A result or an error, for an id.
        case response
    }

    /// The whole message.
    package let node: JSONNode
    package let kind: Kind
    // Places and not nodes: a message is handed on often, and each node would be a reference to count.
    private let idPlace: JSONDocument.Place?
    private let methodPlace: JSONDocument.Place?
    private let paramsPlace: JSONDocument.Place?

    /// The id; absent in notifications and in errors that answer nothing in particular.
    package var id: JSONNode? { idPlace.map { node.document[$0] } }
    /// The method; absent in responses.
    package var method: JSONNode? { methodPlace.map { node.document[$0] } }
    package var params: JSONNode? { paramsPlace.map { node.document[$0] } }

    /// Reads an envelope. Unknown members are left where they are.
    package init(_ node: JSONNode) throws(JSONRPCError) {
        guard node.isObject else { throw Self.invalid("a message must be an object") }
        guard node["jsonrpc"]?.equals("2.0") == true else { throw Self.invalid("\"jsonrpc\" must be \"2.0\"") }
        self.node = node
        let (id, method, params) = (node["id"], node["method"], node["params"])
        (idPlace, methodPlace, paramsPlace) = (id?.place, method?.place, params?.place)
        let results = (node.contains("result") ? 1 : 0) + (node.contains("error") ? 1 : 0)
        kind = try Self.kind(id: id, method: method, params: params, results: results)
    }

    /// Reads an envelope of a client, which must not hold keys that a server may take for others (R05, R07).
    package init(ofClient node: JSONNode) throws(JSONRPCError) {
        try self.init(node)
        if let key = LookalikeKeys.first(in: self) {
            throw Self.invalid("the key \"\(key)\" differs from one of MCP only in how it is written")
        }
    }

    private static func kind(
        id: JSONNode?, method: JSONNode?, params: JSONNode?, results: Int
    ) throws(JSONRPCError) -> Kind {
        guard let method else {
            guard results == 1 else { throw invalid("neither a method nor one result or error") }
            return .response
        }
        guard results == 0 else { throw invalid("a method and a result in one message") }
        guard method.kind == .string else { throw invalid("\"method\" must be a string") }
        if let params, !params.isObject, !params.isArray { throw invalid("\"params\" must be an object") }
        guard let id else { return .notification }
        guard id.kind == .string || id.kind == .number, id.range.count <= JSONRPCID.maximumBytes else {
            throw invalid("\"id\" must be a string or a number of at most \(JSONRPCID.maximumBytes) bytes")
        }
        return .request
    }

    private static func invalid(_ message: String) -> JSONRPCError {
        JSONRPCError(.invalidRequest, message)
    }

    /// The id as it must be given back.
    package var exactID: JSONRPCID? { id.flatMap { JSONRPCID($0) } }

    /// The progress token of a request.
    package var progressToken: JSONNode? { params?["_meta"]?["progressToken"] }

    /// Whether this is the method of that name.
    package func isMethod(_ name: StaticString) -> Bool { method?.equals(name) == true }
}

/// What one POST or one line of a server holds.
package enum JSONRPCPayload: Sendable {
    case single(JSONRPCMessage)
    /// An array of messages: revision 2025-03-26 only.
    case batch(JSONNode)

    /// Reads the outermost value.
    package init(_ document: JSONDocument) throws(JSONRPCError) {
        let root = document.root
        self = root.isArray ? .batch(root) : .single(try JSONRPCMessage(ofClient: root))
    }
}
