import AsyncIO
import OAuth
import Testing

@testable import Gateway

@Suite("Event log")
struct EventLogTests {
    static func log(_ count: Int) -> EventLog {
        var log = EventLog(session: Array("tag".utf8), stream: 4)
        for number in 0..<count { log.append(Array("m\(number + 1)".utf8)) }
        return log
    }

    static func text(_ bytes: [UInt8]?) -> String { String(decoding: bytes ?? [], as: UTF8.self) }

    @Test("c54: events have ids that name their stream, and are delivered once")
    func delivery() {
        var log = Self.log(2)
        #expect(Self.text(log.takeUndelivered()) == "id: tag-4-1\ndata: m1\n\nid: tag-4-2\ndata: m2\n\n")
        #expect(log.takeUndelivered() == nil)
        log.append([])
        #expect(Self.text(log.takeUndelivered()) == "id: tag-4-3\ndata: \n\n")
        #expect(log.undeliveredBytes == 0 && log.bytes > 0)
    }

    @Test("c54: resumption replays exactly what came after, from every place", arguments: 0...5)
    func resumption(after: Int) {
        var log = Self.log(5)
        _ = log.takeUndelivered()
        #expect(log.resume(after: after) == true)
        let expected = (after..<5).map { "id: tag-4-\($0 + 1)\ndata: m\($0 + 1)\n\n" }.joined()
        #expect(Self.text(log.takeUndelivered()) == expected)
    }

    @Test("M04: a number that was never sent does not resume", arguments: [-1, 6, 1000])
    func forged(number: Int) {
        var log = Self.log(5)
        #expect(log.resume(after: number) == false)
    }

    @Test("M10: eviction keeps what waits unless told otherwise, and the bookkeeping is right after 1,000 events")
    func eviction() {
        var log = Self.log(3)
        #expect(log.evict(undelivered: false) == 0)
        _ = log.takeUndelivered()
        #expect(log.evict(undelivered: false) > 0)
        #expect(log.resume(after: 0) == true)
        #expect(Self.text(log.takeUndelivered()).hasPrefix("id: tag-4-2\n"), "the oldest that is left")
        for number in 0..<1000 {
            log.append(Array("x\(number)".utf8))
            while log.bytes > 200 { #expect(log.evict(undelivered: true) > 0) }
        }
        let rest = Self.text(log.takeUndelivered())
        #expect(rest.utf8.count == log.bytes && rest.hasSuffix("data: x999\n\n"))
        while log.evict(undelivered: true) > 0 {}
        #expect(log.isEmpty && log.bytes == 0 && log.undeliveredBytes == 0 && !log.hasUndelivered)
    }

    @Test(
        "M04: only ids of this session are read",
        arguments: [
            "tag-4-2", "tag-4", "tag-4-", "tag--2", "gat-4-2", "tag-4-2-1", "tag-+4-2", "tag-4- 2", "", "tagx4-2",
            "tag-4-9999999999999",
        ])
    func ids(text: String) {
        let id = EventID(Array(text.utf8)[...], session: Array("tag".utf8))
        #expect((id != nil) == (text == "tag-4-2"))
    }
}

@Suite("Rules without I/O")
struct RuleTests {
    @Test("c53: a message goes on exactly one stream: sole POST, GET, newest POST, none")
    func streamChoice() {
        #expect(StreamChoice.forRequest(openCalls: [3], generalIsOpen: true) == .call(3))
        #expect(StreamChoice.forRequest(openCalls: [3, 5, 4], generalIsOpen: true) == .general)
        #expect(StreamChoice.forRequest(openCalls: [3, 5, 4], generalIsOpen: false) == .call(5))
        #expect(StreamChoice.forRequest(openCalls: [], generalIsOpen: true) == .general)
        #expect(StreamChoice.forRequest(openCalls: [], generalIsOpen: false) == .none)
        #expect(StreamChoice.forAnnouncement(openCalls: [3], generalIsOpen: true) == .general)
        #expect(StreamChoice.forAnnouncement(openCalls: [3], generalIsOpen: false) == .call(3))
        #expect(StreamChoice.forAnnouncement(openCalls: [], generalIsOpen: false) == .none)
    }

    @Test("P05: back-off doubles from 1 s to 60 s and ends with a success")
    func backoff() {
        let backoff = StartBackoff()
        var now = LoopInstant(nanoseconds: 1_000_000_000)
        #expect(backoff.remaining(at: now) == nil)
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            backoff.failed(at: now)
            #expect(backoff.remaining(at: now) == seconds)
            now = now + .seconds(seconds)
            #expect(backoff.remaining(at: now) == nil)
        }
        backoff.failed(at: now)
        backoff.succeeded()
        #expect(backoff.remaining(at: now) == nil)
    }

    @Test("P05: slots per user, per server and in all")
    func slots() throws {
        var limits = GatewayLimits()
        limits.sessionsPerUser = 2
        limits.sessions = 3
        let slots = ProcessSlots(limits)
        var server = ServerDefinition(name: "a", command: "x")
        server.maximumSessions = 2
        let other = ServerDefinition(name: "b", command: "x")
        try slots.take(server, for: UserID("alice"))
        try slots.take(server, for: UserID("alice"))
        #expect(throws: SpawnRefusal.userLimit) { try slots.take(other, for: UserID("alice")) }
        #expect(throws: SpawnRefusal.capacity) { try slots.take(server, for: UserID("bob")) }
        try slots.take(other, for: UserID("bob"))
        #expect(throws: SpawnRefusal.capacity) { try slots.take(other, for: UserID("carol")) }
        slots.giveBack(server, of: UserID("alice"))
        try slots.take(other, for: UserID("carol"))
        #expect(slots.total == 3)
    }

    @Test(
        "P05: what stands ready counts in all and with its server, not against a user, and makes place for its session")
    func spares() throws {
        var limits = GatewayLimits()
        limits.sessions = 8
        let slots = ProcessSlots(limits)
        var server = ServerDefinition(name: "a", command: "x")
        server.maximumSessions = 2
        let other = ServerDefinition(name: "b", command: "x")
        #expect(slots.takeSpare(server) && slots.takeSpare(server) && !slots.takeSpare(server))
        #expect(slots.total == 2)
        try slots.take(server, for: UserID("alice"))
        #expect(slots.total == 2, "the session has the place of one that stood ready")
        // One of two that stood ready dies: the other is the session's.
        slots.giveBackSpare(server)
        #expect(slots.total == 1)
        // One that dies while its session has its place already takes nothing away.
        slots.giveBackSpare(server)
        #expect(slots.total == 1)
        slots.giveBack(server, of: UserID("alice"))
        #expect(slots.total == 0)
        // An eighth of all places is for sessions alone.
        for _ in 0..<7 { #expect(slots.takeSpare(other)) }
        #expect(!slots.takeSpare(other))
        try slots.take(server, for: UserID("alice"))
        #expect(throws: SpawnRefusal.capacity) { try slots.take(server, for: UserID("bob")) }
        for name in ["carol", "dave"] { try slots.take(other, for: UserID(name)) }
        #expect(slots.total == 8)
        #expect(!slots.takeShared())
    }

    @Test("P05: sessions that share a process have one place in all")
    func sharedPlaces() throws {
        var limits = GatewayLimits()
        limits.sessions = 1
        let slots = ProcessSlots(limits)
        var server = ServerDefinition(name: "a", command: "x")
        server.isolation = .shared
        #expect(slots.takeShared() && !slots.takeShared())
        for _ in 0..<3 { try slots.take(server, for: UserID("alice")) }
        #expect(slots.total == 1)
        for _ in 0..<3 { slots.giveBack(server, of: UserID("alice")) }
        slots.giveBackShared()
        #expect(slots.total == 0)
    }

    @Test("P04, M10: nobody has all the room there is in the input of a server; a newcomer finds some")
    func inputShares() {
        var shares = InputShares(maximum: 8 << 20)
        var waiting = 0
        func push(_ user: String, _ count: Int) -> Bool {
            guard shares.take(count, of: UserID(user), waiting: waiting) else { return false }
            waiting += count
            return true
        }
        while push("bob", 64 << 10) {}
        #expect(waiting > 3 << 20 && waiting <= 4 << 20 + 256 << 10, "half of it: \(waiting)")
        #expect(push("alice", 1 << 20), "alice's finds room")
        #expect(!push("bob", 64 << 10) && push("alice", 64 << 10))
        // The server reads: what went in first is forgotten first.
        waiting -= 4 << 20
        #expect(push("bob", 2 << 20))
        waiting = 0
        #expect(push("bob", 8 << 20), "an empty one takes what fits")
    }

    @Test("M02: session ids are 256 bits, visible ASCII, without repeats, bits balanced")
    func sessionIDs() {
        var seen: Set<SessionID> = []
        var ones = 0
        for _ in 0..<100_000 {
            let id = SessionID()
            #expect(id.bytes.count == 43)
            ones += id.bytes.reduce(0) { $0 + $1.nonzeroBitCount }
            seen.insert(id)
        }
        #expect(seen.count == 100_000)
        #expect(seen.prefix(1000).allSatisfy { $0.bytes.allSatisfy { (0x21...0x7E).contains($0) } })
        // Base64url letters have 3.45 one bits on average; a stuck generator shows at once.
        #expect((3.2...3.8).contains(Double(ones) / 4_300_000))
    }

    @Test("b10, P02: a server gets ordinary variables, those named and those written down, nothing else")
    func environment() {
        var server = ServerDefinition(name: "a", command: "x")
        server.environment = ["TZ": "UTC", "PATH": "/own"]
        server.passEnvironment = ["TOKEN", "MISSING", "SHELLSHOCK"]
        let own = ["PATH": "/bin", "HOME": "/h", "SECRET": "s", "TOKEN": "t", "SHELLSHOCK": "() { :;}; x"]
        #expect(
            server.childEnvironment(from: own) == ["PATH": "/own", "HOME": "/h", "TOKEN": "t", "TZ": "UTC"])
    }
}
