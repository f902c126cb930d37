import JSON
import Telemetry

/// Events of a trail that match a query.
struct AuditSearch {
    let reader: AuditTrailReader
    let query: AuditQuery

    /// The newest `limit` events, oldest first, and where the trail ended.
    func newest(_ limit: Int) -> (events: [JSONDocument], end: AuditTrailReader.Position) {
        var events: [JSONDocument] = []
        let end = forEach(from: AuditTrailReader.Position(day: query.firstDay)) { event in
            events.append(event)
            if events.count >= 2 * limit { events.removeFirst(events.count - limit) }
        }
        return (Array(events.suffix(limit)), end)
    }

    /// Calls `body` with each event from `start` on; returns where the trail ended. A line that is no event is passed over.
    func forEach(from start: AuditTrailReader.Position, _ body: (JSONDocument) -> Void) -> AuditTrailReader.Position {
        reader.read(from: start) { line in
            guard let event = try? JSONDocument(parsing: Array(line)), query.matches(event.root) else { return }
            body(event)
        }
    }
}
