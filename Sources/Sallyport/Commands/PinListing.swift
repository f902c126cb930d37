import AuthorizationServer
import Crypto
import JSON
import Telemetry

/// Pins of tools as text and as JSON.
enum PinListing {
    /// One line for each tool.
    static func table(_ pins: [ToolPin]) -> String {
        guard !pins.isEmpty else { return "no pins" }
        return TextTable.render(
            ["SERVER", "TOOL", "STATE", "DIGEST", "SINCE", "CHANGED"],
            pins.map { pin in
                let definition = pin.waiting ?? pin.approved
                return [
                    pin.server, pin.tool, state(pin), String((definition?.digest.hexadecimal ?? "").prefix(16)),
                    definition?.since.iso8601 ?? "", changes(pin).map(\.name).joined(separator: ","),
                ]
            })
    }

    /// All pins as a JSON array.
    static func json(_ pins: [ToolPin]) -> String { text(.array(pins.map { value($0) })) }

    /// One pin as JSON.
    static func json(_ pin: ToolPin) -> String { text(value(pin)) }

    /// One pin as it is to be read before it is approved: what changes member by member, and what the rest is.
    static func text(_ pin: ToolPin) -> String {
        var lines = ["server: \(pin.server)", "tool: \(pin.tool)", "state: \(state(pin))"]
        if let approved = pin.approved {
            lines.append("approved: \(approved.digest.hexadecimal) since \(approved.since.iso8601)")
        }
        if let waiting = pin.waiting {
            lines.append("waiting: \(waiting.digest.hexadecimal) since \(waiting.since.iso8601)")
        }
        let changes = changes(pin)
        for member in members((pin.waiting ?? pin.approved)?.text)
        where !changes.contains(where: { $0.name.utf8.elementsEqual(member.key.utf8) }) {
            lines.append("  \(member.key): \(text(member.value))")
        }
        for change in changes {
            if let old = change.old { lines.append("- \(change.name): \(old)") }
            if let new = change.new { lines.append("+ \(change.name): \(new)") }
        }
        return lines.map { LogText.readable($0) }.joined(separator: "\n")
    }

    /// `approved` by an operator, `pinned` by being the first; `changed` since, or `waiting` without ever having been either.
    private static func state(_ pin: ToolPin) -> String {
        if pin.waiting != nil { return pin.approved == nil ? "waiting" : "changed" }
        return pin.isOperators ? "approved" : "pinned"
    }

    private static func value(_ pin: ToolPin) -> JSONValue {
        .object([
            .init("server", .string(pin.server)), .init("tool", .string(pin.tool)),
            .init("state", .string(state(pin))), .init("approved", definition(pin.approved)),
            .init("waiting", definition(pin.waiting)),
            .init("changed", .array(changes(pin).map { .string($0.name) })),
        ])
    }

    private static func definition(_ definition: ToolPin.Definition?) -> JSONValue {
        guard let definition else { return .null }
        return .object([
            .init("digest", .string(definition.digest.hexadecimal)), .init("since", .string(definition.since.iso8601)),
            // As text where it is cut.
            .init("definition", parsed(definition.text) ?? .string(definition.text)),
        ])
    }

    private static func changes(_ pin: ToolPin) -> [(name: String, old: String?, new: String?)] {
        guard let approved = pin.approved, let waiting = pin.waiting else { return [] }
        let (old, new) = (members(approved.text), members(waiting.text))
        guard !old.isEmpty, !new.isEmpty else { return [("definition", approved.text, waiting.text)] }
        var changes: [(name: String, old: String?, new: String?)] = []
        for member in old {
            let next = new.first { $0.key.utf8.elementsEqual(member.key.utf8) }
            // As bytes: what looks alike may be another text.
            guard next.map({ $0.value.serialized() }) != member.value.serialized() else { continue }
            changes.append((member.key, text(member.value), next.map { text($0.value) }))
        }
        for member in new where !old.contains(where: { $0.key.utf8.elementsEqual(member.key.utf8) }) {
            changes.append((member.key, nil, text(member.value)))
        }
        return changes
    }

    private static func members(_ text: String?) -> [JSONValue.Member] {
        guard let text, case .object(let members)? = parsed(text) else { return [] }
        return members
    }

    private static func parsed(_ text: String) -> JSONValue? {
        (try? JSONDocument(parsing: Array(text.utf8))).map { JSONValue($0.root) }
    }

    private static func text(_ value: JSONValue) -> String { String(decoding: value.serialized(), as: UTF8.self) }
}
