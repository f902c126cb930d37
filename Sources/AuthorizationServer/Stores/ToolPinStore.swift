package import Crypto
package import Telemetry

/// What counts as the definition of one tool of one server, and what the server says instead.
package struct ToolPin: Sendable, Hashable {
    /// One definition.
    package struct Definition: Sendable, Hashable {
        /// SHA-256 of the canonical text.
        package var digest: Digest
        /// Canonical JSON text, cut where it is very long.
        package var text: String
        /// When it was approved, or seen first.
        package var since: Timestamp

        /// Creates a definition as it is stored.
        package init(digest: Digest, text: String, since: Timestamp) {
            self.digest = digest
            self.text = text
            self.since = since
        }
    }

    /// The name of the server in the configuration.
    package var server: String
    /// What the server calls the tool.
    package var tool: String
    /// What counts as approved; nil where nothing does.
    package var approved: Definition?
    /// Whether an operator approved it, and not its being the first.
    package var isOperators: Bool
    /// What the server said last, where that is not what is approved.
    package var waiting: Definition?

    /// Creates a pin as it is stored.
    package init(
        server: String, tool: String, approved: Definition? = nil, isOperators: Bool = false, waiting: Definition? = nil
    ) {
        self.server = server
        self.tool = tool
        self.approved = approved
        self.isOperators = isOperators
        self.waiting = waiting
    }
}

/// What came of approving a definition.
package enum ToolPinApproval: Sendable, Hashable {
    /// It counts from now on.
    case approved
    /// It counted already.
    case already
    /// The server says something else by now: `waiting` is not this definition.
    case changed
    /// There is no such tool.
    case unknown
}

/// Which definitions of tools are approved. Servers and tools are compared as bytes.
package protocol ToolPinStore: Sendable {
    /// Notes what a server said of a tool last. Where nothing is approved and `trustsFirst`, this counts as approved from now on;
    /// where something else is approved, or nothing, it waits. Of one server at most `capacity` tools are kept; false where this would
    /// be one more.
    func see(
        _ definition: ToolPin.Definition, of tool: String, at server: String, trustsFirst: Bool, capacity: Int
    ) async throws(StoreError) -> Bool

    /// All pins, or those of one server, by server and tool.
    func toolPins(of server: String?) async throws(StoreError) -> [ToolPin]

    /// Makes the definition with this digest, which must be the one that waits, the approved one.
    func approveTool(
        _ tool: String, of server: String, digest: Digest, at now: Timestamp
    ) async throws(StoreError) -> ToolPinApproval

    /// Forgets a tool of a server, or all of them; says how many.
    func forgetTools(of server: String, _ tool: String?) async throws(StoreError) -> Int

    /// A number that grows with every change of any pin. Cheap: it is asked twice a second.
    func toolPinRevision() async throws(StoreError) -> Int64
}

extension ToolPin {
    /// What becomes of the pin when the server says `definition`; nil where nothing does.
    package func seeing(_ definition: Definition, trustsFirst: Bool) -> ToolPin? {
        var next = self
        if approved?.digest == definition.digest {
            next.waiting = nil
        } else if approved == nil, trustsFirst {
            next.approved = definition
            next.waiting = nil
        } else if waiting?.digest != definition.digest {
            next.waiting = definition
        }
        return next == self ? nil : next
    }

    /// What becomes of the pin when an operator approves what has this digest.
    package func approving(_ digest: Digest, at now: Timestamp) -> (pin: ToolPin?, outcome: ToolPinApproval) {
        var next = self
        if let waiting, waiting.digest == digest {
            next.approved = Definition(digest: digest, text: waiting.text, since: now)
            next.waiting = nil
            next.isOperators = true
            return (next, .approved)
        }
        guard waiting == nil, approved?.digest == digest else { return (nil, .changed) }
        guard !isOperators else { return (nil, .already) }
        next.isOperators = true
        return (next, .already)
    }
}
