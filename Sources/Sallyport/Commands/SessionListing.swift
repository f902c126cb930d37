import AuthorizationServer
import JSON
import OAuth
import Telemetry

/// Browser sessions as text and as JSON; never with a cookie.
enum SessionListing {
    /// One line for each session.
    static func table(_ entries: [SessionAdministration.Entry]) -> String {
        guard !entries.isEmpty else { return "no sessions" }
        return TextTable.render(
            ["ID", "USER", "SIGNED IN", "LAST SEEN"],
            entries.map { [$0.id, $0.userName, $0.session.startedAt.iso8601, $0.session.lastSeenAt.iso8601] })
    }

    /// All sessions as a JSON array.
    static func json(_ entries: [SessionAdministration.Entry]) -> String {
        String(decoding: JSONValue.array(entries.map(value)).serialized(), as: UTF8.self)
    }

    /// One session as JSON.
    static func value(_ entry: SessionAdministration.Entry) -> JSONValue {
        [
            "id": .string(entry.id), "user": .string(entry.userName), "user_id": .string(entry.session.user.value),
            "started_at": .string(entry.session.startedAt.iso8601),
            "last_seen_at": .string(entry.session.lastSeenAt.iso8601),
        ]
    }
}
