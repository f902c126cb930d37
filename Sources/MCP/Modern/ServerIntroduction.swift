package import JSON

/// What a legacy server said of itself when it answered `initialize`.
package struct ServerIntroduction: Sendable {
    private let document: JSONDocument

    /// The result of `initialize`; nil where it cannot be read.
    package init?(_ result: JSONNode) {
        guard let document = try? JSONDocument(parsing: Array(result.bytes)), document.root.isObject else { return nil }
        self.document = document
    }

    /// JSON text of `serverInfo`.
    package var info: [UInt8]? {
        document.root["serverInfo"].flatMap { $0.isObject ? Array($0.bytes) : nil }
    }

    /// JSON text of `instructions`.
    package var instructions: [UInt8]? {
        document.root["instructions"].flatMap { $0.kind == .string ? Array($0.bytes) : nil }
    }

    private var capabilities: JSONNode? { document.root["capabilities"] }

    /// The capabilities for a modern client: the tasks of 2025-11-25 are spoken otherwise there and not offered.
    package var modernCapabilities: [UInt8] {
        guard let capabilities, let alone = try? JSONDocument(parsing: Array(capabilities.bytes)), alone.root.isObject
        else { return Array("{}".utf8) }
        var patch = JSONPatch(alone)
        patch.remove("tasks", from: alone.root)
        return patch.applied()
    }

    package var logs: Bool { capabilities?["logging"]?.isObject == true }

    /// Whether it has the tasks of the modern era.
    package var hasTasks: Bool { TasksExtension.isDeclared(in: capabilities) }

    /// Whether it makes tasks, as 2025-11-25 has them, of calls.
    package var runsCallsAsTasks: Bool {
        capabilities?["tasks"]?["requests"]?["tools"]?["call"]?.isObject == true
    }

    /// Whether the server offers what `method` belongs to; methods of no capability are not offered here (c17).
    package func offers(_ method: MCPMethod) -> Bool {
        switch method {
        case .toolsCall, .toolsList: capabilities?["tools"]?.isObject == true
        case .promptsGet, .promptsList: capabilities?["prompts"]?.isObject == true
        case .resourcesRead, .resourcesList, .resourcesTemplatesList: capabilities?["resources"]?.isObject == true
        case .completionComplete: capabilities?["completions"]?.isObject == true
        default: false
        }
    }

    /// What of `filter` the server can keep.
    package func honours(_ filter: ListenFilter) -> ListenFilter {
        var kept = ListenFilter()
        kept.toolsListChanged = filter.toolsListChanged && announces("tools")
        kept.promptsListChanged = filter.promptsListChanged && announces("prompts")
        kept.resourcesListChanged = filter.resourcesListChanged && announces("resources")
        if capabilities?["resources"]?["subscribe"]?.boolean == true { kept.resources = filter.resources }
        return kept
    }

    private func announces(_ capability: StaticString) -> Bool {
        capabilities?[capability]?["listChanged"]?.boolean == true
    }
}
