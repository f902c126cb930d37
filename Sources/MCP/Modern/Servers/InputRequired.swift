package import JSON

/// A result that asks for input (c27), read.
package struct InputRequired: Sendable {
    /// One entry of `inputRequests`.
    package struct Entry: Sendable {
        /// JSON text of the server's key.
        package let key: [UInt8]
        package let method: MCPMethod
        package let params: JSONNode?

        /// The address that the user is to open; nil for everything else.
        package var url: [UInt8]? {
            guard method == .elicitationCreate, params?["mode"]?.equals("url") == true else { return nil }
            return params?["url"]?.stringBytes
        }

        /// What a client has to declare before it may get this.
        package var needed: ClientCapabilities {
            var text = Array("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"\(method.rawValue)\"".utf8)
            if let params { text += Array(",\"params\":".utf8) + params.bytes }
            guard let root = (try? JSONDocument(parsing: text + [0x7D]))?.root,
                let question = try? JSONRPCMessage(root)
            else { return ClientCapabilities(rawValue: .max) }
            return ClientCapabilities.needed(for: question)
        }
    }

    /// Most entries of one result.
    package static let maximumEntries = 32

    package let entries: [Entry]
    /// JSON text of `requestState`, byte for byte.
    package let state: [UInt8]?

    /// Nil where the result is malformed, asks for something that no client can be asked, or asks too much.
    package init?(_ result: JSONNode) {
        let requests = result["inputRequests"]
        let state = result["requestState"]
        guard requests != nil || state != nil, requests?.isObject ?? true, state.map({ $0.kind == .string }) ?? true,
            (requests?.count ?? 0) <= Self.maximumEntries
        else { return nil }
        var entries: [Entry] = []
        let members = requests.map { $0.members.map { ($0.key, $0.value) } } ?? []
        for (key, request) in members {
            guard request.isObject, request["params"]?.isObject ?? true else { return nil }
            let method = MCPMethod(request["method"])
            switch method {
            case .elicitationCreate, .samplingCreateMessage, .rootsList: break
            default: return nil
            }
            entries.append(Entry(key: Array(key.bytes), method: method, params: request["params"]))
        }
        self.entries = entries
        self.state = state.map { Array($0.bytes) }
    }
}
