/// A stream of events that exceeds its bounds.
package struct ServerSentEventError: Error, Hashable, Sendable {}

/// Reads `text/event-stream` as it arrives, in pieces of any size, WHATWG HTML §9.2.6.
package struct ServerSentEventParser: Sendable {
    private let maximumBytes: Int
    private var line: [UInt8] = []
    private var isAfterCarriageReturn = false
    private var isFirstLine = true
    private var event: String?
    private var data: [UInt8] = []
    private var hasData = false
    private var retry: Int?

    /// The id of the last event that had one: it stays until another comes.
    package private(set) var lastEventID: String?
    /// The reconnection time that the server asked for.
    package private(set) var reconnectionTime: Int?

    /// `maximumBytes` bounds one line and the data of one event, together.
    package init(maximumBytes: Int = 8 << 20) {
        self.maximumBytes = maximumBytes
    }

    /// The events that `bytes` complete. An event that the end of the stream cuts is never returned.
    package mutating func feed(_ bytes: some Sequence<UInt8>) throws(ServerSentEventError) -> [ServerSentEvent] {
        var events: [ServerSentEvent] = []
        for byte in bytes {
            if isAfterCarriageReturn {
                isAfterCarriageReturn = false
                if byte == 10 { continue }
            }
            switch byte {
            case 10, 13:
                isAfterCarriageReturn = byte == 13
                if let event = try endLine() { events.append(event) }
            default:
                guard line.count < maximumBytes - data.count else { throw ServerSentEventError() }
                line.append(byte)
            }
        }
        return events
    }

    private mutating func endLine() throws(ServerSentEventError) -> ServerSentEvent? {
        defer { line.removeAll(keepingCapacity: line.count <= 65_536) }
        if isFirstLine {
            isFirstLine = false
            if line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        }
        if line.isEmpty { return dispatch() }
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
        var value = line[min(colon + 1, line.endIndex)...]
        if value.first == 32 { value.removeFirst() }
        try take(line[..<colon], value)
        return nil
    }

    private mutating func take(_ name: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) throws(ServerSentEventError) {
        if name.elementsEqual("data".utf8) {
            guard value.count < maximumBytes - data.count else { throw ServerSentEventError() }
            if hasData { data.append(10) }
            hasData = true
            data += value
        } else if name.elementsEqual("event".utf8) {
            event = value.isEmpty ? nil : String(decoding: value, as: UTF8.self)
        } else if name.elementsEqual("id".utf8), !value.contains(0) {
            lastEventID = String(decoding: value, as: UTF8.self)
        } else if name.elementsEqual("retry".utf8), let time = ByteClass.decimal(value) {
            retry = time
            reconnectionTime = time
        }
    }

    private mutating func dispatch() -> ServerSentEvent? {
        defer {
            event = nil
            data = []
            hasData = false
            retry = nil
        }
        return hasData ? ServerSentEvent(id: lastEventID, event: event, data: data, retry: retry) : nil
    }
}
