/// One event of `text/event-stream`, WHATWG HTML §9.2.
package struct ServerSentEvent: Sendable, Hashable {
    /// What a client repeats in `Last-Event-ID`.
    package var id: String?
    /// The type; absent means `message`.
    package var event: String?
    /// The content, with any line ends.
    package var data: [UInt8]
    /// Milliseconds after which a client reconnects.
    package var retry: Int?

    /// An event; only the data is needed.
    package init(id: String? = nil, event: String? = nil, data: [UInt8], retry: Int? = nil) {
        self.id = id
        self.event = event
        self.data = data
        self.retry = retry
    }

    /// A comment that keeps the connection open.
    package static let keepAlive: [UInt8] = Array(": keep-alive\n\n".utf8)

    /// The event on the wire. Line ends in the data become several `data` lines; an id or type with a line end or NUL
    /// cannot be expressed and is left out.
    package func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(data.count + 64)
        if let event { Self.append("event: ", event, to: &bytes) }
        if let id { Self.append("id: ", id, to: &bytes) }
        if let retry { Self.append("retry: ", String(retry), to: &bytes) }
        appendData(to: &bytes)
        bytes.append(10)
        return bytes
    }

    private static func append(_ name: StaticString, _ value: String, to bytes: inout [UInt8]) {
        if value.utf8.contains(where: { $0 == 10 || $0 == 13 || $0 == 0 }) { return }
        bytes += name.description.utf8
        bytes += value.utf8
        bytes.append(10)
    }

    private func appendData(to bytes: inout [UInt8]) {
        bytes += "data: ".utf8
        var previous: UInt8 = 0
        for byte in data {
            // CRLF is one line end.
            if byte == 10, previous == 13 {
                previous = byte
                continue
            }
            if byte == 10 || byte == 13 {
                bytes += "\ndata: ".utf8
            } else {
                bytes.append(byte)
            }
            previous = byte
        }
        bytes.append(10)
    }
}
