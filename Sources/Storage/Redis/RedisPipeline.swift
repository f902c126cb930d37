import AsyncIO

/// The requests of one connection, from the moment they are asked for until their answer: no input or output of its own.
///
/// Replies come in the order of the commands. Where replicas have to confirm, one `WAIT` follows each flush that holds a
/// durable command, and the replies to these commands are held back until it is answered: what is told to a caller has
/// left the machine.
struct RedisPipeline<Caller> {
    /// One command and who waits for it.
    struct Request {
        let bytes: [UInt8]
        let isDurable: Bool
        let caller: Caller
    }

    /// What a caller gets.
    typealias Answer = (caller: Caller, result: Result<RESPValue, RedisFailure>)

    private enum Expected {
        case reply(Caller, isDurable: Bool, deadline: LoopInstant)
        case confirmation(required: Int, deadline: LoopInstant)
    }

    /// Commands that may wait at once, sent or not.
    static var capacity: Int { 10_000 }
    /// Bytes that may wait to be sent.
    static var byteCapacity: Int { 32 << 20 }
    /// How long replicas have for their confirmation, in milliseconds.
    static var confirmationLimit: Int { 400 }

    private var queued: [Request] = []
    private var queuedBytes = 0
    private var expected: [Expected] = []
    private var head = 0
    private var held: [(caller: Caller, reply: RESPValue)] = []

    /// Commands that wait.
    var count: Int { queued.count + (expected.count - head) + held.count }

    /// When the oldest command in flight has waited too long; nil when none is.
    var deadline: LoopInstant? {
        guard head < expected.count else { return nil }
        switch expected[head] {
        case .reply(_, _, let deadline), .confirmation(_, let deadline): return deadline
        }
    }

    /// Takes a command; false when there are too many already.
    mutating func add(_ request: Request) -> Bool {
        guard count < Self.capacity, queuedBytes + request.bytes.count <= Self.byteCapacity else { return false }
        queued.append(request)
        queuedBytes += request.bytes.count
        return true
    }

    /// What goes over the wire now, with a `WAIT` behind it where that is needed.
    mutating func flush(requiredReplicas: Int, deadline: LoopInstant) -> [UInt8] {
        guard !queued.isEmpty else { return [] }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(queuedBytes + 64)
        var needsConfirmation = false
        for request in queued {
            bytes += request.bytes
            let isDurable = request.isDurable && requiredReplicas > 0
            needsConfirmation = needsConfirmation || isDurable
            expected.append(.reply(request.caller, isDurable: isDurable, deadline: deadline))
        }
        if needsConfirmation {
            bytes += RESPCommand.encode("WAIT", String(requiredReplicas), String(Self.confirmationLimit))
            expected.append(.confirmation(required: requiredReplicas, deadline: deadline))
        }
        queued.removeAll(keepingCapacity: true)
        queuedBytes = 0
        return bytes
    }

    /// Takes the next reply; returns who can be answered with it. Nil when nobody asked: the peer is not Redis.
    mutating func receive(_ reply: RESPValue) -> [Answer]? {
        guard head < expected.count else { return nil }
        let next = expected[head]
        head += 1
        if head == expected.count || head >= 1024 {
            expected.removeFirst(head)
            head = 0
        }
        switch next {
        case .reply(let caller, let isDurable, _):
            if case .error(let text) = reply { return [(caller, .failure(RedisFailure(reply: text)))] }
            guard isDurable else { return [(caller, .success(reply))] }
            held.append((caller, reply))
            return []
        case .confirmation(let required, _):
            defer { held.removeAll(keepingCapacity: true) }
            if case .integer(let confirmed) = reply, confirmed >= required {
                return held.map { ($0.caller, .success($0.reply)) }
            }
            return held.map { ($0.caller, .failure(.lost(Self.unconfirmed))) }
        }
    }

    /// The connection is gone: who was in flight does not know, who was queued does.
    mutating func fail(_ reason: String) -> [Answer] {
        var answers: [Answer] = held.map { ($0.caller, .failure(.lost(reason))) }
        for case .reply(let caller, _, _) in expected[head...] { answers.append((caller, .failure(.lost(reason)))) }
        answers += queued.map { ($0.caller, .failure(.unreachable(reason))) }
        self = RedisPipeline()
        return answers
    }

    /// Hands back what was not sent, for the next connection; who was in flight gets their answer.
    mutating func lose(_ reason: String) -> [Answer] {
        let waiting = queued
        let bytes = queuedBytes
        queued = []
        defer {
            queued = waiting
            queuedBytes = bytes
        }
        return fail(reason)
    }

    /// The reason given when a `WAIT` fell short.
    static var unconfirmed: String { "no replica confirmed the write in time" }
}
