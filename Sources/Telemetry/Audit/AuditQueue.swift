/// The events of the trail that are not on the disk: lines that wait, bounded in number and size, and how many did not fit.
struct AuditQueue {
    /// The lines of one day.
    struct Batch {
        let day: Int64
        let begin: Timestamp
        var events = 0
        var text: [UInt8] = []
    }

    /// Most events that wait; about a second of the fastest gateway, and a long time of an idle one whose disk is full.
    static let capacity = 65_536
    /// Most bytes of them. Arguments are up to 5 KiB each, and a gateway without a disk needs its memory.
    static let capacityInBytes = 32 << 20

    /// What nobody took yet, in order.
    private var batches: [Batch] = []
    /// In the queue, and taken but not written.
    private(set) var events = 0
    private var bytes = 0
    /// Events that did not fit since the last one that did, and when they began.
    private(set) var lost = 0
    private var missing = 0
    private var lostSince = Timestamp(millisecondsSinceEpoch: 0)
    // The time of the last event, as text: it is the same for all events of a millisecond.
    private var time = Timestamp(millisecondsSinceEpoch: .min)
    private var timeText = ""

    /// Whether there is nothing to take.
    var isEmpty: Bool { batches.isEmpty }

    private var isFull: Bool { events >= Self.capacity || bytes >= Self.capacityInBytes }

    /// Takes an event in; false when there is no room for it.
    mutating func append(_ event: AuditEvent) -> Bool {
        guard !isFull else {
            if lost == 0 { lostSince = event.time }
            lost += 1
            return false
        }
        closeGap()
        add(event)
        return true
    }

    /// Says where events are missing: after those that waited when there was no more room, and before all that come later.
    private mutating func closeGap() {
        guard lost > 0 else { return }
        add(
            AuditEvent(time: lostSince, action: .eventsLost, outcome: .failed, detail: [("count", String(lost))]))
        missing += lost
        lost = 0
    }

    private mutating func add(_ event: AuditEvent) {
        if event.time != time {
            time = event.time
            timeText = time.iso8601
        }
        let day = Self.dayNumber(time)
        if batches.last?.day != day { batches.append(Batch(day: day, begin: time)) }
        let place = batches.count - 1
        let before = batches[place].text.count
        event.append(to: &batches[place].text, time: timeText)
        batches[place].events += 1
        events += 1
        bytes += batches[place].text.count - before
    }

    /// Hands everything over, after what is taken already; it counts until it is written. Returns how many events were found
    /// missing since the last time.
    mutating func take(after pending: inout [Batch]) -> Int {
        if !isFull { closeGap() }
        for batch in batches {
            if pending.last?.day == batch.day {
                pending[pending.count - 1].events += batch.events
                pending[pending.count - 1].text += batch.text
            } else {
                pending.append(batch)
            }
        }
        batches = []
        defer { missing = 0 }
        return missing
    }

    /// A batch that was taken is on the disk.
    mutating func written(_ batch: Batch) {
        events -= batch.events
        bytes -= batch.text.count
    }

    private static func dayNumber(_ time: Timestamp) -> Int64 {
        let (quotient, remainder) = time.millisecondsSinceEpoch.quotientAndRemainder(dividingBy: 86_400_000)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
