import AsyncIO

/// Reads requests off a stream: a head, then its content when somebody asks for it, then the next head.
///
/// Used by its connection alone, on its loop.
final class RequestReader: HTTPBodySource {
    private enum State {
        case betweenRequests
        case content
        /// The content was read to its end.
        case finished
        case broken
    }

    private let stream: ByteStream
    private let configuration: HTTPServerConfiguration
    /// Made when first needed, and given up while a stream of events keeps the connection.
    private var parser: RequestParser?
    private var isParserUsed = false
    private var admission = Admission()
    private var repeated = RepeatedHead()
    private var state = State.betweenRequests
    /// Bytes that came and are not parsed, from `position` on.
    private var buffer: [UInt8] = []
    private var position = 0
    private var isFirstRequest = true

    // The content of the present request.
    private var mustInviteContent = false
    private var contentDeadline: LoopInstant?
    private var timeWaited: Duration = .zero
    private var contentReceived = 0
    /// What is still to come of content that needs no parser; nil where the parser frames it.
    private var remainingContent: Int?
    /// Nil where memory is not bounded.
    private let room: ContentRoom?

    /// Whether the connection rests: nothing of the next request has come.
    private(set) var isIdle = false
    /// Why the present request's content must be answered with an error.
    private(set) var refusal: HTTPRefusal?

    init(_ stream: ByteStream, _ configuration: HTTPServerConfiguration) {
        self.stream = stream
        self.configuration = configuration
        room = configuration.pressure.map { ContentRoom($0) }
    }

    private var preparedParser: RequestParser {
        if let parser { return parser }
        let made = RequestParser(limits: configuration.limits)
        parser = made
        return made
    }

    /// Gives up what only serves further requests: the response may last for hours.
    func settleDown() {
        guard state == .finished else { return }
        parser = nil
        isParserUsed = false
        repeated.forget()
        if position == buffer.count {
            buffer = []
            position = 0
        }
    }

    // MARK: Head

    /// The next head; nil when the client has ended the connection or rested for too long.
    func nextHead() async throws(HTTPRefusal) -> AdmittedHead? {
        if isParserUsed { parser?.reset() }
        isParserUsed = false
        if position == buffer.count {
            // A connection may rest for long: it rests without what it has read.
            stream.giveBack(&buffer)
            position = 0
        }
        // A fresh connection owes its first head at once; later ones may rest.
        let patience = isFirstRequest ? configuration.headTimeout : configuration.idleTimeout
        isFirstRequest = false
        var deadline = stream.loop.now + patience
        isIdle = true
        defer { isIdle = false }
        while true {
            if position < buffer.count {
                if isIdle {
                    isIdle = false
                    deadline = stream.loop.now + configuration.headTimeout
                }
                if let head = try parseHead() { return head }
            }
            guard try await receiveHeadBytes(until: deadline) else { return nil }
        }
    }

    /// The head at the front of the buffer; nil when it is not whole yet.
    private func parseHead() throws(HTTPRefusal) -> AdmittedHead? {
        if !isParserUsed, let (head, count) = repeated.match(buffer[position...]) {
            position += count
            begin(head)
            if case .length(let length) = head.framing { remainingContent = length }
            return head
        }
        let isWhole = !isParserUsed
        let start = position
        isParserUsed = true
        let (step, consumed) = preparedParser.feed(buffer[position...])
        position += consumed
        switch step {
        case .head: break
        case .needMore: return nil
        case .refused(let refusal): throw refusal
        case .content, .end: throw .malformed
        }
        let head = try admission.admit(preparedParser.takeHead(), memory: isWhole ? RequestMemory() : nil)
        if isWhole { repeated.keep(head, wire: buffer[start..<position]) }
        begin(head)
        return head
    }

    private func receiveHeadBytes(until deadline: LoopInstant) async throws(HTTPRefusal) -> Bool {
        do {
            guard let bytes = try await stream.readUnlessClosed(until: deadline) else { return false }
            take(bytes)
            return true
        } catch .timedOut where !isIdle {
            // Half a head gets an answer, silence does not.
            throw .tooSlow
        } catch {
            return false
        }
    }

    private func begin(_ head: AdmittedHead) {
        state = head.framing == .none ? .finished : .content
        mustInviteContent = head.expectsContinue
        contentDeadline = nil
        timeWaited = .zero
        contentReceived = 0
        remainingContent = nil
    }

    private func take(_ bytes: [UInt8]) {
        if position == buffer.count {
            stream.giveBack(&buffer)
            buffer = bytes
        } else {
            buffer.removeFirst(position)
            buffer += bytes
        }
        position = 0
    }

    // MARK: Content

    /// The next piece of the present request's content.
    func next() async throws(HTTPBodyError) -> [UInt8]? {
        while true {
            switch state {
            case .betweenRequests, .finished: return nil
            case .broken: throw refusal == .tooSlow ? .timedOut : refusal == nil ? .disconnected : .malformed
            case .content: if let bytes = try parseContent() { return bytes }
            }
            if state == .content { try await receiveContentBytes() }
        }
    }

    func rest() -> [UInt8]? {
        guard state == .content, let remainingContent, buffer.count - position >= remainingContent else { return nil }
        return takeContent(remainingContent)
    }

    private func parseContent() throws(HTTPBodyError) -> [UInt8]? {
        if let remainingContent { return takeContent(remainingContent) }
        let (step, consumed) = preparedParser.feed(buffer[position...])
        position += consumed
        switch step {
        case .content(let range): return content(range)
        case .end: state = .finished
        case .needMore: break
        case .head: throw fail(.malformed, .malformed)
        case .refused(let refusal): throw fail(.malformed, refusal)
        }
        return nil
    }

    /// What has come of content of which `remaining` bytes are left.
    private func takeContent(_ remaining: Int) -> [UInt8]? {
        let count = min(remaining, buffer.count - position)
        guard count > 0 else { return nil }
        let start = position
        position += count
        remainingContent = remaining - count
        if count == remaining { state = .finished }
        return content(start..<position)
    }

    /// A whole read of nothing but content is handed on without a copy.
    private func content(_ range: Range<Int>) -> [UInt8] {
        guard range.count == buffer.count else { return Array(buffer[range]) }
        defer {
            buffer = []
            position = 0
        }
        return buffer
    }

    private func fail(_ error: HTTPBodyError, _ refusal: HTTPRefusal?) -> HTTPBodyError {
        state = .broken
        self.refusal = refusal
        return error
    }

    private func receiveContentBytes() async throws(HTTPBodyError) {
        if let bytes = stream.readAvailable() {
            contentReceived += bytes.count
            take(bytes)
            return try makeRoom()
        }
        await inviteContent()
        let start = EventLoop.preciseNow
        let limit = start + configuration.bodyIdleTimeout
        do throws(IOError) {
            guard let bytes = try await stream.read(until: min(limit, contentDeadline ?? limit)) else {
                throw IOError.closed
            }
            timeWaited += EventLoop.preciseNow - start
            contentReceived += bytes.count
            take(bytes)
        } catch .timedOut {
            throw fail(.timedOut, .tooSlow)
        } catch .cancelled {
            throw .cancelled
        } catch {
            throw fail(.disconnected, nil)
        }
        try makeRoom()
        // Only time in which we waited counts: a slow handler is not the client's fault.
        let expected = Double(configuration.bodyMinimumRate) * (timeWaited / .seconds(1))
        if timeWaited > configuration.bodyGrace, Double(contentReceived) < expected {
            throw fail(.timedOut, .tooSlow)
        }
    }

    private func makeRoom() throws(HTTPBodyError) {
        if room?.hold(contentReceived) == false { throw fail(.malformed, .noMemory) }
    }

    /// The request is answered: the room that its content needed is free.
    func giveBackRoom() { room?.giveBack() }

    /// Says that the content may come, when the client waits for that (RFC 9110 §10.1.1).
    private func inviteContent() async {
        guard mustInviteContent else { return }
        mustInviteContent = false
        // When it fails the read that follows fails too.
        try? await stream.write(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
    }

    // MARK: After the answer

    /// Whether what is left of the content can probably be discarded, so that the connection may stay.
    func mayKeepConnection(after framing: AdmittedHead.Framing) -> Bool {
        switch state {
        case .betweenRequests, .finished: return true
        case .broken: return false
        case .content:
            // Not invited: the client may send the content or not, so nobody knows where the next head begins.
            if mustInviteContent { return false }
            guard case .length(let length) = framing else { return true }
            return length - contentReceived <= configuration.discardLimit
        }
    }

    /// Discards what is left of the content; false when it was too much or broken.
    func discardContent() async -> Bool {
        if state == .finished { return true }
        contentDeadline = EventLoop.preciseNow + configuration.discardTimeout
        var count = 0
        do {
            while let bytes = try await next() {
                count += bytes.count
                if count > configuration.discardLimit { return false }
            }
            return true
        } catch {
            return false
        }
    }

    /// Whether bytes of a further request have come with those of the last one.
    var hasNextRequest: Bool { state == .finished && position < buffer.count }

    /// Whether bytes of the client are left that nobody will read: a plain close would then reset the connection.
    var hasUnreadInput: Bool {
        position < buffer.count || state == .content || state == .broken
    }
}
