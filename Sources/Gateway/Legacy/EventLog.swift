import HTTP

/// The events of one stream: those that wait for the reader, and those kept for `Last-Event-ID` (c54). Pure state.
struct EventLog: Sendable {
    private let session: [UInt8]?
    private let stream: Int
    /// The type of every event; absent where it is the one that readers assume.
    private var type: String?
    /// Encoded events; the first one has the number `first`.
    private var events: [[UInt8]] = []
    private var head = 0
    private var first = 1
    /// The number of the next event for the reader.
    private var cursor = 1
    /// Bytes of all events.
    private(set) var bytes = 0
    /// Bytes of those that wait for the reader.
    private(set) var undeliveredBytes = 0

    /// `session` is the tag of the session; with the number of the stream it begins every id.
    init(session: [UInt8], stream: Int) {
        self.session = session
        self.stream = stream
    }

    /// For a client that cannot come back: no event has an id, and what was delivered is not kept (c20).
    init(type: String? = nil) {
        session = nil
        stream = 0
        self.type = type
    }

    /// Whether a client can come back for the rest.
    var hasIDs: Bool { session != nil }

    private var next: Int { first + events.count - head }
    var hasUndelivered: Bool { cursor < next }
    var isEmpty: Bool { head == events.count }

    /// Adds an event; empty data makes the event that only tells the client where to resume.
    mutating func append(_ data: [UInt8], type other: String? = nil) {
        let event = ServerSentEvent(id: nextID, event: other ?? type, data: data).encoded()
        events.append(event)
        bytes += event.count
        undeliveredBytes += event.count
    }

    /// Made when there is an event: most calls are answered without any.
    private var nextID: String? {
        guard let session else { return nil }
        var id = EventID.prefix(session: session, stream: stream)
        id += String(next).utf8
        return String(decoding: id, as: UTF8.self)
    }

    /// Everything that waits, in one piece; nil when nothing does.
    mutating func takeUndelivered() -> [UInt8]? {
        guard hasUndelivered else { return nil }
        defer {
            if session == nil {
                first = next
                events = []
                (head, bytes) = (0, 0)
            }
        }
        let waiting = events[(head + cursor - first)...]
        cursor = next
        undeliveredBytes = 0
        if waiting.count == 1 { return waiting.first }
        var piece: [UInt8] = []
        piece.reserveCapacity(waiting.reduce(0) { $0 + $1.count })
        for event in waiting { piece += event }
        return piece
    }

    /// Goes back to behind event `number`; false when such an event was never sent. Where events behind it are gone
    /// the rest follows.
    mutating func resume(after number: Int) -> Bool {
        guard number >= 0, number < next else { return false }
        cursor = max(first, number + 1)
        undeliveredBytes = events[(head + cursor - first)...].reduce(0) { $0 + $1.count }
        return true
    }

    /// Drops the oldest event; one that waits for a reader only if `undelivered` says so. How many bytes it freed.
    mutating func evict(undelivered: Bool) -> Int {
        guard !isEmpty, undelivered || first < cursor else { return 0 }
        let count = events[head].count
        if first >= cursor {
            cursor = first + 1
            undeliveredBytes -= count
        }
        events[head] = []
        head += 1
        first += 1
        bytes -= count
        if head == events.count || head >= 256 {
            events.removeFirst(head)
            head = 0
        }
        return count
    }
}

/// `Last-Event-ID`: session, stream and number (M04: what another session sent is not found here).
struct EventID: Hashable {
    let stream: Int
    let number: Int

    /// The part in front of the number.
    static func prefix(session tag: [UInt8], stream: Int) -> [UInt8] {
        tag + Array("-\(stream)-".utf8)
    }

    /// Nil unless it is an id of the session with this tag.
    init?(_ received: ArraySlice<UInt8>, session tag: [UInt8]) {
        guard received.count <= 64, received.starts(with: tag) else { return nil }
        let parts = received.dropFirst(tag.count).split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].isEmpty, let stream = Self.decimal(parts[1]),
            let number = Self.decimal(parts[2])
        else { return nil }
        self.stream = stream
        self.number = number
    }

    private static func decimal(_ digits: ArraySlice<UInt8>) -> Int? {
        guard (1...12).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }
}
