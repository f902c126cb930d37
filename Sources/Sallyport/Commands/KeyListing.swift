import AuthorizationServer
import JSON
import Telemetry

/// Signing keys as text and as JSON; never with a private half.
enum KeyListing {
    /// One line for each key.
    static func table(_ entries: [KeyAdministration.Entry]) -> String {
        guard !entries.isEmpty else { return "no keys: the first start makes them" }
        let lines =
            ["KID                                          ALGORITHM  STATE      SIGNS FROM"]
            + entries.map { entry in
                [
                    entry.key.id.padded(to: 43), entry.key.algorithm.padded(to: 9),
                    entry.state.rawValue.padded(to: 9), entry.key.signsFrom.iso8601,
                ].joined(separator: "  ")
            }
        return lines.joined(separator: "\n")
    }

    /// All keys as a JSON array.
    static func json(_ entries: [KeyAdministration.Entry]) -> String {
        text(.array(entries.map { value($0, state: $0.state.rawValue) }))
    }

    /// One key as a JSON object.
    static func json(_ entry: KeyAdministration.Entry, isRetired: Bool = false) -> String {
        text(value(entry, state: isRetired ? "retired" : entry.state.rawValue))
    }

    private static func text(_ value: JSONValue) -> String { String(decoding: value.serialized(), as: UTF8.self) }

    private static func value(_ entry: KeyAdministration.Entry, state: String) -> JSONValue {
        [
            "kid": .string(entry.key.id), "algorithm": .string(entry.key.algorithm), "state": .string(state),
            "created_at": .string(entry.key.createdAt.iso8601), "signs_from": .string(entry.key.signsFrom.iso8601),
        ]
    }
}

extension String {
    /// With spaces behind it, where it is shorter.
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
