package import MCP

/// Which tools of a server its clients see, and by which names: `tools` of its configuration. Lists and calls obey alike
/// (R05).
///
/// `allow` and `deny` speak of the server's own names, `deny` counts more. A name that another tool was given hides the tool
/// that had it.
package struct ToolFilter: Sendable, Equatable {
    private let allow: [NamePattern]
    private let deny: [NamePattern]
    /// The name that clients know by the server's own name, and the other way round.
    private let exposed: [[UInt8]: [UInt8]]
    private let own: [[UInt8]: [UInt8]]
    /// Whether everything is as the server says.
    package let isTransparent: Bool

    /// `rename` gives the server's own name another one. Of several tools with one new name the first by its own name has it.
    package init(allow: [String] = ["*"], deny: [String] = [], rename: [String: String] = [:]) {
        self.allow = allow.map { NamePattern($0) }
        self.deny = deny.map { NamePattern($0) }
        exposed = Dictionary(uniqueKeysWithValues: rename.map { (Array($0.key.utf8), Array($0.value.utf8)) })
        let pairs = rename.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        own = Dictionary(pairs.map { (Array($0.value.utf8), Array($0.key.utf8)) }) { first, _ in first }
        isTransparent = deny.isEmpty && rename.isEmpty && self.allow.contains(.everything)
    }

    /// By which name clients know the tool that the server calls `name`; nil where they do not.
    package func exposedName(of name: [UInt8]) -> [UInt8]? {
        guard isVisible(name) else { return nil }
        let exposed = exposed[name] ?? name
        return ownName(of: exposed) == name ? exposed : nil
    }

    /// What the server calls the tool that clients know by `name`; nil where there is none.
    package func ownName(of name: [UInt8]) -> [UInt8]? {
        if let own = own[name] { return isVisible(own) ? own : nil }
        return exposed[name] == nil && isVisible(name) ? name : nil
    }

    private func isVisible(_ name: [UInt8]) -> Bool {
        allow.contains { $0.matches(name) } && !deny.contains { $0.matches(name) }
    }

    // MARK: Messages

    /// A `tools/call` as the server is to get it; nil where its tool is not for clients. What names no tool at all is the
    /// server's to refuse, so it goes on.
    package func admitted(_ call: JSONRPCMessage) -> JSONRPCMessage? {
        guard !isTransparent, let name = ToolMessage.name(of: call) else { return call }
        guard case .text(let name) = name, let own = ownName(of: name) else { return nil }
        return own == name ? call : ToolMessage.call(call, named: own)
    }

    /// The answer to `tools/list` as clients get it; nil where it cannot be made.
    package func filtered(_ answer: JSONRPCMessage) -> JSONRPCMessage? {
        isTransparent ? answer : ToolMessage.list(answer) { exposedName(of: $0) }
    }
}
