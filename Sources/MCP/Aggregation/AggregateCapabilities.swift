package import JSON

/// What the servers of an aggregate can do, as far as it goes through the aggregate (mcp.md C8).
package struct AggregateCapabilities: OptionSet, Sendable, Hashable {
    package let rawValue: Int

    package init(rawValue: Int) {
        self.rawValue = rawValue
    }

    package static let tools = Self(rawValue: 1 << 0)
    package static let toolsListChanged = Self(rawValue: 1 << 1)
    package static let prompts = Self(rawValue: 1 << 2)
    package static let promptsListChanged = Self(rawValue: 1 << 3)
    package static let resources = Self(rawValue: 1 << 4)
    package static let resourcesListChanged = Self(rawValue: 1 << 5)
    package static let subscribe = Self(rawValue: 1 << 6)
    package static let completions = Self(rawValue: 1 << 7)
    package static let logging = Self(rawValue: 1 << 8)

    /// Calls that become tasks (2025-11-25), and their end before they have one.
    package static let tasks = Self(rawValue: 1 << 9)
    package static let taskCancel = Self(rawValue: 1 << 10)

    /// What a server may have that has said nothing yet.
    package static let everything: Self = [
        .tools, .prompts, .resources, .subscribe, .completions, .logging,
    ]

    /// Reads `capabilities` of a server. What is not routed, as experiments and lists of tasks, does not count.
    package init(_ node: JSONNode?) {
        self = []
        guard let node else { return }
        if let tools = node["tools"], tools.isObject {
            insert(.tools)
            if tools["listChanged"]?.boolean == true { insert(.toolsListChanged) }
        }
        if let prompts = node["prompts"], prompts.isObject {
            insert(.prompts)
            if prompts["listChanged"]?.boolean == true { insert(.promptsListChanged) }
        }
        if let resources = node["resources"], resources.isObject {
            insert(.resources)
            if resources["listChanged"]?.boolean == true { insert(.resourcesListChanged) }
            if resources["subscribe"]?.boolean == true { insert(.subscribe) }
        }
        if node["completions"]?.isObject == true { insert(.completions) }
        if node["logging"]?.isObject == true { insert(.logging) }
        if node["tasks"]?["requests"]?["tools"]?["call"]?.isObject == true {
            insert(.tasks)
            if node["tasks"]?["cancel"]?.isObject == true { insert(.taskCancel) }
        }
    }

    /// For clients. Every list can change, because servers come and go.
    package var json: JSONValue {
        var members: [JSONValue.Member] = []
        let changes: JSONValue = ["listChanged": true]
        if contains(.tools) { members.append(.init("tools", changes)) }
        if contains(.prompts) { members.append(.init("prompts", changes)) }
        if contains(.resources) {
            members.append(
                .init(
                    "resources",
                    contains(.subscribe) ? ["listChanged": true, "subscribe": true] : ["listChanged": true]
                ))
        }
        if contains(.completions) { members.append(.init("completions", [:])) }
        if contains(.logging) { members.append(.init("logging", [:])) }
        if contains(.tasks) {
            let requests: JSONValue = ["tools": ["call": [:]]]
            members.append(
                .init("tasks", contains(.taskCancel) ? ["cancel": [:], "requests": requests] : ["requests": requests]))
        }
        return .object(members)
    }
}
