import AuthorizationServer
import Crypto
import Telemetry

/// What an operator does about the definitions of tools. Changes are noted in the audit trail.
struct PinAdministration: Sendable {
    let store: any ToolPinStore
    let audit: any AuditLog
    let clock: WallClock

    /// All pins, or those of one server.
    func all(of server: String?) async throws -> [ToolPin] { try await store.toolPins(of: server) }

    /// The pin of one tool.
    func pin(of tool: String, at server: String) async throws -> ToolPin {
        let pins = try await store.toolPins(of: server)
        guard let pin = pins.first(where: { $0.tool.utf8.elementsEqual(tool.utf8) }) else {
            throw CommandFailure(
                code: .noUser, message: "no tool \"\(LogText.sanitized(tool))\" of \"\(server)\" has been seen",
                hint: "sallyport policy pins shows them; a server is looked at when a client lists its tools")
        }
        return pin
    }

    /// Approves what waits of a tool, or of all tools of a server: exactly the definitions that are read here. Returns them as they
    /// are now.
    func approve(_ tool: String?, of server: String, digest: String?) async throws -> [ToolPin] {
        guard let tool else {
            var approved: [ToolPin] = []
            for pin in try await store.toolPins(of: server) {
                if let waiting = pin.waiting { approved.append(try await approve(pin, waiting)) }
            }
            return approved
        }
        let pin = try await pin(of: tool, at: server)
        let definition = pin.waiting ?? pin.approved
        if let digest, let definition, !definition.digest.hexadecimal.utf8.elementsEqual(digest.lowercased().utf8) {
            throw changed(pin)
        }
        guard let definition else { return [] }
        return [try await approve(pin, definition)]
    }

    private func approve(_ pin: ToolPin, _ definition: ToolPin.Definition) async throws -> ToolPin {
        let now = clock.now()
        switch try await store.approveTool(pin.tool, of: pin.server, digest: definition.digest, at: now) {
        case .approved, .already:
            note(.toolApproved, pin, [("digest", definition.digest.hexadecimal)])
            return try await self.pin(of: pin.tool, at: pin.server)
        case .changed, .unknown: throw changed(pin)
        }
    }

    private func changed(_ pin: ToolPin) -> CommandFailure {
        CommandFailure(
            code: .dataError, message: "the server says something else of \"\(LogText.sanitized(pin.tool))\" by now",
            hint: "sallyport policy pins show \(pin.server) \(LogText.sanitized(pin.tool))")
    }

    /// Takes the pin of a tool, or all pins of a server, out; returns how many there were.
    func forget(_ tool: String?, of server: String) async throws -> Int {
        let pins = try await store.toolPins(of: server).filter { pin in
            tool.map { pin.tool.utf8.elementsEqual($0.utf8) } ?? true
        }
        let count = try await store.forgetTools(of: server, tool)
        for pin in pins { note(.toolForgotten, pin, []) }
        return count
    }

    private func note(_ action: AuditAction, _ pin: ToolPin, _ detail: [(String, String)]) {
        audit.record(
            AuditEvent(time: clock.now(), action: action, server: pin.server, tool: pin.tool, detail: detail))
    }
}
