import JSON
import Telemetry

/// Events of a trail that match a query.
struct AuditSearch {
    let reader: AuditTrailReader
    let query: AuditQuery

    /// The newest `limit` events, oldest first, and where the trail ended. The trail is read from its end until there are
    /// enough: it may hold months.
    func newest(_ limit: Int) -> (events: [JSONDocument], end: AuditTrailReader.Position) {
        var events: [JSONDocument] = []
        let end = reader.readBackwards(in: query.firstDay...max(query.firstDay, query.lastDay)) { line in
            if events.count < limit, let event = event(line) { events.append(event) }
            return events.count < limit
        }
        return (events.reversed(), end)
    }

    private func event(_ line: ArraySlice<UInt8>) -> JSONDocument? {
        guard let event = try? JSONDocument(parsing: Array(line)), query.matches(event.root) else { return nil }
        return event
    }

    /// Calls `body` with each event from `start` on; returns where the trail ended. A line that is no event is passed over.
    func forEach(from start: AuditTrailReader.Position, _ body: (JSONDocument) -> Void) -> AuditTrailReader.Position {
        reader.read(from: start) { line in
            if let event = event(line) { body(event) }
        }
    }
}
