import AuthorizationServer
import JSON
import OAuth
import Telemetry

/// Events of the audit trail as text and as JSON.
struct AuditListing {
    /// Names of accounts by identifier.
    private let names: [String: String]

    /// With the names of these accounts.
    init(_ users: [UserRecord]) {
        names = Dictionary(users.map { ($0.id.value, $0.name) }) { first, _ in first }
    }

    private static let heading = ["TIME", "EVENT", "OUTCOME", "USER", "CLIENT", "WHAT", "FROM"]

    /// One line for each event.
    func table(_ events: [JSONDocument]) -> String {
        guard !events.isEmpty else { return "no events" }
        return TextTable.render(Self.heading, events.map { row($0.root) })
    }

    /// Events as a JSON array, each as it was written.
    static func json(_ events: [JSONDocument]) -> String {
        String(decoding: JSONValue.array(events.map { JSONValue($0.root) }).serialized(), as: UTF8.self)
    }

    /// One event as a line that stands alone.
    func line(_ event: JSONDocument) -> String {
        row(event.root).map(LogText.sanitized).filter { !$0.isEmpty }.joined(separator: "  ")
    }

    private func row(_ event: JSONNode) -> [String] {
        let user = event["user"]?.string ?? ""
        return [
            event["time"]?.string ?? "", event["action"]?.string ?? "", event["outcome"]?.string ?? "",
            names[user] ?? user, event["client"]?.string ?? "", what(event), event["remote_address"]?.string ?? "",
        ]
    }

    /// One event as cells of a table that keeps everything, under ``AuditExport/columns``.
    func cells(_ event: JSONDocument) -> [String] {
        let root = event.root
        let detail = root["detail"].map { String(decoding: JSONValue($0).serialized(), as: UTF8.self) }
        let user = root["user"]?.string
        return [
            root["time"]?.string, root["action"]?.string, root["outcome"]?.string, user, user.flatMap { names[$0] },
            root["client"]?.string, root["server"]?.string, root["tool"]?.string, root["request_id"]?.string,
            root["remote_address"]?.string, detail,
        ].map { $0 ?? "" }
    }

    private func what(_ event: JSONNode) -> String {
        var parts = [event["server"]?.string, event["tool"]?.string].compactMap { $0 }
        if let detail = event["detail"] {
            for (name, value) in detail.members { parts.append("\(name.string ?? "")=\(value.string ?? "")") }
        }
        return parts.joined(separator: " ")
    }
}
