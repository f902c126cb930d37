package import JSON

/// The methods that MCP defines, for labels and for the few that a gateway must know. Others are forwarded as they are.
package enum MCPMethod: String, Sendable, Hashable, CaseIterable {
    case toolsCall = "tools/call"
    case initialize
    case ping
    case toolsList = "tools/list"
    case resourcesList = "resources/list"
    case resourcesTemplatesList = "resources/templates/list"
    case resourcesRead = "resources/read"
    case resourcesSubscribe = "resources/subscribe"
    case resourcesUnsubscribe = "resources/unsubscribe"
    case promptsList = "prompts/list"
    case promptsGet = "prompts/get"
    case completionComplete = "completion/complete"
    case loggingSetLevel = "logging/setLevel"
    case samplingCreateMessage = "sampling/createMessage"
    case elicitationCreate = "elicitation/create"
    case rootsList = "roots/list"
    case serverDiscover = "server/discover"
    case subscriptionsListen = "subscriptions/listen"
    case tasksGet = "tasks/get"
    case tasksUpdate = "tasks/update"
    case tasksCancel = "tasks/cancel"
    case tasksResult = "tasks/result"
    case tasksList = "tasks/list"
    /// Everything that is not in this list.
    case other

    /// Whether a client of 2026-07-28 may use it here; it has no handshake, no ping, no subscriptions of old (c17).
    package var isModern: Bool {
        switch self {
        case .toolsCall, .toolsList, .resourcesList, .resourcesTemplatesList, .resourcesRead, .promptsList, .promptsGet,
            .completionComplete, .serverDiscover, .subscriptionsListen, .tasksGet, .tasksUpdate, .tasksCancel:
            true
        case .initialize, .ping, .resourcesSubscribe, .resourcesUnsubscribe, .loggingSetLevel, .samplingCreateMessage,
            .elicitationCreate, .rootsList, .tasksResult, .tasksList, .other:
            false
        }
    }

    /// The method of a message; `other` where it is none that MCP defines.
    package init(_ node: JSONNode?) {
        guard let node else {
            self = .other
            return
        }
        // The one that matters first, without a string.
        if node.equals("tools/call") {
            self = .toolsCall
        } else {
            self = node.string.flatMap { MCPMethod(rawValue: $0) } ?? .other
        }
    }
}
