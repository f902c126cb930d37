package import JSON

/// Which notifications a `subscriptions/listen` asks for (c26).
package struct ListenFilter: Sendable, Hashable {
    /// Most resources that one listen may watch.
    package static let maximumResources = 256

    package var toolsListChanged = false
    package var promptsListChanged = false
    package var resourcesListChanged = false
    /// URIs, as they were sent.
    package var resources: [String] = []

    package init() {}

    /// What `params.notifications` asks for; `-32602` where it is of another kind.
    package init(_ params: JSONNode?) throws(JSONRPCError) {
        guard let asked = params?["notifications"], asked.isObject else {
            throw JSONRPCError(.invalidParams, "\"notifications\" must be an object")
        }
        toolsListChanged = asked["toolsListChanged"]?.boolean == true
        promptsListChanged = asked["promptsListChanged"]?.boolean == true
        resourcesListChanged = asked["resourcesListChanged"]?.boolean == true
        guard let list = asked["resourceSubscriptions"] else { return }
        guard list.isArray, list.count <= Self.maximumResources else {
            throw JSONRPCError(
                .invalidParams, "\"resourceSubscriptions\" must be a list of at most \(Self.maximumResources) URIs")
        }
        for element in list.elements {
            guard let uri = element.string else {
                throw JSONRPCError(.invalidParams, "\"resourceSubscriptions\" must hold strings")
            }
            if !resources.contains(uri) { resources.append(uri) }
        }
    }

    /// Whether it asks for this notification of a server. An update may name a part of what is watched.
    package func covers(_ notification: JSONRPCMessage) -> Bool {
        if notification.isMethod("notifications/tools/list_changed") { return toolsListChanged }
        if notification.isMethod("notifications/prompts/list_changed") { return promptsListChanged }
        if notification.isMethod("notifications/resources/list_changed") { return resourcesListChanged }
        guard notification.isMethod("notifications/resources/updated"),
            let uri = notification.params?["uri"]?.stringBytes
        else { return false }
        return resources.contains { Self.covers(Array($0.utf8), uri) }
    }

    /// Whether `uri` is what is watched, or a part of it.
    package static func covers(_ watched: [UInt8], _ uri: [UInt8]) -> Bool {
        guard uri.starts(with: watched) else { return false }
        guard uri.count > watched.count, watched.last != UInt8(ascii: "/") else { return true }
        return uri[watched.count] == UInt8(ascii: "/")
    }

    /// Whether exactly this resource is watched; identifiers compare as bytes.
    package func watches(_ uri: String) -> Bool { resources.contains { $0.utf8.elementsEqual(uri.utf8) } }

    /// The same as JSON, for the acknowledgement: only what is honoured.
    package var json: JSONValue {
        var members: [JSONValue.Member] = []
        if toolsListChanged { members.append(.init("toolsListChanged", true)) }
        if promptsListChanged { members.append(.init("promptsListChanged", true)) }
        if resourcesListChanged { members.append(.init("resourcesListChanged", true)) }
        if !resources.isEmpty {
            members.append(.init("resourceSubscriptions", .array(resources.map { .string($0) })))
        }
        return .object(members)
    }
}
