package import AuthorizationServer
package import Crypto
package import Telemetry

extension MemoryStore: ToolPinStore {
    package func see(
        _ definition: ToolPin.Definition, of tool: String, at server: String, trustsFirst: Bool, capacity: Int
    ) async throws(StoreError) -> Bool {
        withState { state in
            let (owner, name) = (Array(server.utf8), Array(tool.utf8))
            let known = state.toolPins[owner]?[name]
            guard known != nil || (state.toolPins[owner]?.count ?? 0) < capacity else { return false }
            let pin = known ?? ToolPin(server: server, tool: tool)
            guard let next = pin.seeing(definition, trustsFirst: trustsFirst) else { return true }
            state.toolPins[owner, default: [:]][name] = next
            state.toolPinRevision += 1
            return true
        }
    }

    package func toolPins(of server: String?) async throws(StoreError) -> [ToolPin] {
        withState { state in
            let owners = state.toolPins.keys.filter { key in server.map { key.elementsEqual($0.utf8) } ?? true }
            return owners.sorted { $0.lexicographicallyPrecedes($1) }.flatMap { owner in
                (state.toolPins[owner] ?? [:]).sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
            }
        }
    }

    package func approveTool(
        _ tool: String, of server: String, digest: Digest, at now: Timestamp
    ) async throws(StoreError) -> ToolPinApproval {
        withState { state in
            let now = state.effective(now)
            let (owner, name) = (Array(server.utf8), Array(tool.utf8))
            guard let pin = state.toolPins[owner]?[name] else { return .unknown }
            let (next, outcome) = pin.approving(digest, at: now)
            if let next {
                state.toolPins[owner, default: [:]][name] = next
                state.toolPinRevision += 1
            }
            return outcome
        }
    }

    package func forgetTools(of server: String, _ tool: String?) async throws(StoreError) -> Int {
        withState { state in
            let owner = Array(server.utf8)
            let gone: Int
            if let tool {
                gone = state.toolPins[owner]?.removeValue(forKey: Array(tool.utf8)) == nil ? 0 : 1
            } else {
                gone = state.toolPins.removeValue(forKey: owner)?.count ?? 0
            }
            if gone > 0 { state.toolPinRevision += 1 }
            return gone
        }
    }

    package func toolPinRevision() async throws(StoreError) -> Int64 { withState { $0.toolPinRevision } }
}
