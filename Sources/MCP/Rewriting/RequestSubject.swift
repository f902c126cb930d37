import JSON

/// What a request of a client is about.
package enum RequestSubject: Sendable, Hashable {
    case tool([UInt8])
    case prompt([UInt8])
    /// By its URI, or the URI template.
    case resource([UInt8])
    /// Something that cannot be read as any of these, whatever a server would make of it.
    case unreadable

    /// What `request` names; empty where requests of its method name nothing.
    package static func named(by request: JSONRPCMessage, _ method: MCPMethod) -> [RequestSubject] {
        switch method {
        case .toolsCall: return [text(request, "name").map { .tool($0) } ?? .unreadable]
        case .promptsGet: return [text(request, "name").map { .prompt($0) } ?? .unreadable]
        case .resourcesRead, .resourcesSubscribe, .resourcesUnsubscribe:
            return [text(request, "uri").map { .resource($0) } ?? .unreadable]
        case .completionComplete:
            // Which of the two a server looks at is its affair.
            guard let params = request.params, params.isObject, let reference = params["ref"] else {
                return [.unreadable]
            }
            let prompt = reference["name"].map { $0.stringBytes.map { RequestSubject.prompt($0) } ?? .unreadable }
            let resource = reference["uri"].map { $0.stringBytes.map { RequestSubject.resource($0) } ?? .unreadable }
            let named = [prompt, resource].compactMap { $0 }
            return named.isEmpty ? [.unreadable] : named
        default: return []
        }
    }

    private static func text(_ request: JSONRPCMessage, _ key: StaticString) -> [UInt8]? {
        // Parameters by position name something to whoever takes them so.
        guard let params = request.params, params.isObject else { return nil }
        return params[key]?.stringBytes
    }
}

/// Lists with some of their entries.
package enum ListMessage {
    /// The answer to a request for `list` without the entries that `keeps` does not want and without those that cannot be
    /// read. An answer that is no list stays as it is; nil where the result cannot be read.
    package static func keeping(
        _ answer: JSONRPCMessage, _ list: AggregateList, where keeps: (_ identifier: [UInt8]) -> Bool
    ) -> JSONRPCMessage? {
        guard let entries = answer.node["result"]?[list.key], entries.isArray else { return answer }
        var text: [UInt8] = [UInt8(ascii: "[")]
        for entry in entries.elements {
            guard let identifier = entry[list.identifier]?.stringBytes, keeps(identifier) else { continue }
            if text.count > 1 { text.append(UInt8(ascii: ",")) }
            text += entry.bytes
        }
        text.append(UInt8(ascii: "]"))
        guard let document = try? JSONDocument(parsing: Splice.replacing(entries, with: text, in: answer.node)) else {
            return nil
        }
        return try? JSONRPCMessage(document.root)
    }
}
