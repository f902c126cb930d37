package import JSON

/// What a client can be asked (2026-07-28 `ClientCapabilities`), as far as a legacy server can make use of it.
///
/// Servers specialise on what `initialize` declares, so this is part of what a session with one is found by (mcp.md B0.4).
package struct ClientCapabilities: Sendable, Hashable, OptionSet {
    package let rawValue: UInt8

    package init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    package static let roots = ClientCapabilities(rawValue: 1)
    package static let sampling = ClientCapabilities(rawValue: 2)
    package static let samplingTools = ClientCapabilities(rawValue: 4)
    package static let samplingContext = ClientCapabilities(rawValue: 8)
    package static let elicitationForm = ClientCapabilities(rawValue: 16)
    package static let elicitationURL = ClientCapabilities(rawValue: 32)

    /// What a request declares. Elicitation that names no mode means forms.
    package init(_ declared: JSONNode) {
        var found: ClientCapabilities = []
        if declared["roots"]?.isObject == true { found.insert(.roots) }
        if let sampling = declared["sampling"], sampling.isObject {
            found.insert(.sampling)
            if sampling["tools"]?.isObject == true { found.insert(.samplingTools) }
            if sampling["context"]?.isObject == true { found.insert(.samplingContext) }
        }
        if let elicitation = declared["elicitation"], elicitation.isObject {
            let takesURLs = elicitation["url"]?.isObject == true
            if takesURLs { found.insert(.elicitationURL) }
            if !takesURLs || elicitation["form"]?.isObject == true { found.insert(.elicitationForm) }
        }
        self = found
    }

    /// The same for `initialize` of 2025-11-25.
    package var handshake: JSONValue {
        var members: [JSONValue.Member] = []
        if contains(.roots) { members.append(.init("roots", [:])) }
        if contains(.sampling) {
            var sampling: [JSONValue.Member] = []
            if contains(.samplingTools) { sampling.append(.init("tools", [:])) }
            if contains(.samplingContext) { sampling.append(.init("context", [:])) }
            members.append(.init("sampling", .object(sampling)))
        }
        var elicitation: [JSONValue.Member] = []
        if contains(.elicitationForm) { elicitation.append(.init("form", [:])) }
        if contains(.elicitationURL) { elicitation.append(.init("url", [:])) }
        if !elicitation.isEmpty { members.append(.init("elicitation", .object(elicitation))) }
        return .object(members)
    }

    /// Whether a client that declares this may get `question`.
    package func allows(_ question: JSONRPCMessage) -> Bool {
        let needed = Self.needed(for: question)
        return !needed.isEmpty && isSuperset(of: needed)
    }

    /// What a client has to declare before it may get `question`; nothing where no client may.
    package static func needed(for question: JSONRPCMessage) -> ClientCapabilities {
        switch MCPMethod(question.method) {
        case .rootsList: return .roots
        case .samplingCreateMessage:
            let usesTools = question.params?["tools"] != nil || question.params?["toolChoice"] != nil
            return usesTools ? [.sampling, .samplingTools] : .sampling
        case .elicitationCreate:
            return question.params?["mode"]?.equals("url") == true ? .elicitationURL : .elicitationForm
        default: return []
        }
    }
}
