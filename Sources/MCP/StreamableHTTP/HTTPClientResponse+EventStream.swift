import HTTP

extension HTTPClientResponse {
    /// Whether the body is a stream of events.
    var isEventStream: Bool {
        guard let type = fields["content-type"] else { return false }
        return type.lowercased().utf8.starts(with: "text/event-stream".utf8)
    }
}
