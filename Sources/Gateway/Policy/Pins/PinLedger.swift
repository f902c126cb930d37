package import Crypto
package import MCP

/// Where it is written down which definitions of tools count as approved, for all gateways and for the commands of operators.
package protocol PinLedger: Sendable {
    /// A number that grows with every change, whoever makes it. Asked twice a second.
    func revision() async throws(PinLedgerError) -> Int64

    /// What counts as approved: by server, then by what the server calls the tool.
    func approvals() async throws(PinLedgerError) -> [String: [[UInt8]: Digest]]

    /// Writes down what a server said.
    func note(_ sighting: ToolSighting) async throws(PinLedgerError)
}

/// A definition that a server gave.
package struct ToolSighting: Sendable {
    /// Most tools of one server; further ones cannot be approved.
    package static let maximumTools = 2000

    package let server: String
    package let definition: ToolDefinition
    /// Whether it counts as approved where nothing else does.
    package let trustsFirst: Bool

    package init(server: String, definition: ToolDefinition, trustsFirst: Bool) {
        self.server = server
        self.definition = definition
        self.trustsFirst = trustsFirst
    }
}

/// The ledger cannot be read or written; `detail` is for the operator's log.
package struct PinLedgerError: Error, Sendable {
    package let detail: String

    package init(detail: String) {
        self.detail = detail
    }
}
