import JSON
import MCP

/// Why somebody may not have what a request names.
enum AccessRefusal: Sendable {
    /// A token with these scopes might: 403.
    case scopes([String])
    /// It looks as if it did not exist.
    case unknown(JSONRPCError)

    /// The same as a message.
    var error: JSONRPCError {
        switch self {
        case .scopes(let missing): .insufficientScope(missing)
        case .unknown(let error): error
        }
    }

    /// The scopes, where any would help.
    var scopes: [String]? { if case .scopes(let missing) = self { missing } else { nil } }
}

extension JSONRPCError {
    /// Denied and unknown look alike (R05).
    static let unknownTool = JSONRPCError(.invalidParams, "Unknown tool")
    static let unknownPrompt = JSONRPCError(.invalidParams, "Unknown prompt")
    static let unknownResource = JSONRPCError(.invalidParams, "Resource not found")

    static func insufficientScope(_ missing: [String]) -> JSONRPCError {
        JSONRPCError(
            .insufficientScope, "The access token is not enough for this",
            data: ["scopes": .array(missing.map { .string($0) })])
    }
}

extension ServerAccess {
    /// What keeps whoever holds `rights` from something; nil where nothing does. `own` turns the name of a tool as clients know
    /// it into the server's own, nil where there is none, which others refuse.
    func refusal(
        of subject: RequestSubject, _ rights: AccessRights, own: (_ tool: [UInt8]) -> [UInt8]?
    ) -> AccessRefusal? {
        switch subject {
        case .tool(let name):
            guard let name = own(name) else { return nil }
            return refusal(decision(.tool, name, rights), .unknownTool)
        case .prompt(let name): return refusal(decision(.prompt, name, rights), .unknownPrompt)
        case .resource(let uri): return refusal(decision(.resource, uri, rights), .unknownResource)
        case .unreadable: return .unknown(.unknownTool)
        }
    }

    /// Whether an entry of a list, by the server's own name for it, is for whoever holds `rights`.
    func lists(_ identifier: [UInt8], of list: AggregateList, _ rights: AccessRights) -> Bool {
        switch list {
        case .tools: allows(.tool, identifier, rights)
        case .prompts: allows(.prompt, identifier, rights)
        case .resources, .templates: allows(.resource, identifier, rights)
        }
    }

    private func refusal(_ decision: AccessDecision, _ unknown: JSONRPCError) -> AccessRefusal? {
        switch decision {
        case .allowed: nil
        case .insufficient(let scopes, _): .scopes(scopes)
        case .hidden: .unknown(unknown)
        }
    }
}

extension AccessPolicy {
    /// The scopes that would open one of these servers, where none of them is usable; nil where one is.
    func missingScopes(for servers: [String], _ rights: AccessRights) -> [String]? {
        let known = servers.compactMap { server($0) }
        guard !known.contains(where: { $0.isUsable(by: rights) }) else { return nil }
        var scopes: [String] = []
        for scope in known.flatMap(\.openingScopes)
        where !scopes.contains(where: { $0.utf8.elementsEqual(scope.utf8) }) { scopes.append(scope) }
        return scopes
    }
}
