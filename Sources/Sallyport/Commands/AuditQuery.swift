import JSON
import Telemetry

/// Which events of the audit trail somebody wants to see.
struct AuditQuery: Sendable {
    /// Actions that tell who got which token when, and when it ended.
    static let tokenActions: Set<String> = Set(
        [
            AuditAction.tokenIssued, .tokenRefreshed, .tokenRevoked, .codeReplayed, .refreshTokenReused, .apiKeyCreated,
            .apiKeyRevoked,
        ].map(\.rawValue))

    /// Identifiers of the user; nil means everybody.
    var users: Set<String>?
    /// The client; nil means every one.
    var client: String?
    /// The server, and the tool; nil means every one.
    var server: String?
    var tool: String?
    /// How it ended; nil means however it did.
    var outcomes: Set<String>?
    /// What happened; nil means everything.
    var actions: Set<String>?
    /// Times as the trail writes them: their order is that of their text.
    var since: String?
    /// The first time that is too late.
    var until: String?

    /// The first day that can hold a match.
    var firstDay: String { String((since ?? "0000-00-00").prefix(10)) }

    /// The last one.
    var lastDay: String { String((until ?? "9999-99-99").prefix(10)) }

    /// Whether an event is wanted.
    func matches(_ event: JSONNode) -> Bool {
        if let since, !isNotBefore(event["time"]?.string, since) { return false }
        if let until, isNotBefore(event["time"]?.string, until) { return false }
        if let users, !(event["user"]?.string.map(users.contains) ?? false) { return false }
        for (name, wanted) in [("client", client), ("server", server), ("tool", tool)] {
            guard let wanted else { continue }
            if event[name]?.string.map({ $0.utf8.elementsEqual(wanted.utf8) }) != true { return false }
        }
        if let outcomes, !(event["outcome"]?.string.map(outcomes.contains) ?? false) { return false }
        if let actions, !(event["action"]?.string.map(actions.contains) ?? false) { return false }
        return true
    }

    private func isNotBefore(_ time: String?, _ bound: String) -> Bool {
        guard let time else { return false }
        return !time.utf8.lexicographicallyPrecedes(bound.utf8)
    }

    /// A bound as somebody types it: a duration before now, like `24h`, or a date with or without a time, like
    /// `2026-11-21` or `2026-11-21T05:30Z`; nil when it is neither.
    static func time(_ text: String, now: Timestamp) -> String? {
        if let duration = Units.duration(text) { return (now - duration).iso8601 }
        let pattern = Array("0000-00-00T00:00:00.000".utf8)
        var bytes = Array(text.utf8)
        if bytes.last == UInt8(ascii: "Z") { bytes.removeLast() }
        guard bytes.count >= 10, bytes.count <= pattern.count, bytes.count != 11 else { return nil }
        for (byte, expected) in zip(bytes, pattern) {
            let isDigit = byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
            guard expected == UInt8(ascii: "0") ? isDigit : byte == expected else { return nil }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
