import AsyncIO
import MCP
import OAuth

/// What a GET gets.
enum StreamOpening: Sendable {
    case stream(StreamReader)
    /// Another GET has the stream (M03).
    case occupied
    /// `Last-Event-ID` is not one of this session's (M04), or its stream is forgotten.
    case unknownEvent
    /// The principal has as many streams as it may have.
    case limitReached
    case gone
}

// What readers get.
extension LegacySession {
    /// Opens the general stream, or resumes the stream that `lastEvent` belongs to.
    func openStream(lastEvent: ArraySlice<UInt8>?, for principal: Principal) -> StreamOpening {
        guard end == nil, isEstablished else { return .gone }
        use(by: principal)
        guard let lastEvent else {
            guard general.reader != .attached else { return .occupied }
            return open(general, for: principal)
        }
        guard let event = EventID(lastEvent, session: eventTag), let stream = streams[event.stream],
            stream.log.resume(after: event.number)
        else { return .unknownEvent }
        return open(stream, for: principal)
    }

    private func open(_ stream: MessageStream, for principal: Principal) -> StreamOpening {
        guard stream.countsAsStream || quota.openStream() else { return .limitReached }
        stream.countsAsStream = true
        // Whoever names an event of a stream takes it over: its old connection is dead or about to be.
        stream.deliver(.end)
        stream.generation += 1
        stream.reader = .attached
        stream.principal = principal
        stream.waitingSince = loop.now
        if stream.number == 0 {
            if version?.allowsPrimingEvents == true, stream.log.isEmpty { stream.log.append([]) }
            putHeldQuestions(on: stream)
        }
        armForReader(of: stream)
        return .stream(StreamReader(session: self, stream: stream.number, generation: stream.generation))
    }

    private func putHeldQuestions(on stream: MessageStream) {
        for question in questions.held() {
            guard let text = question.held else { continue }
            append(text, to: stream)
            questions.sent(question.number, on: stream.number)
        }
    }

    /// From now on the answer to this POST is a stream of events.
    func commit(_ stream: MessageStream) {
        guard !stream.isCommitted else { return }
        stream.isCommitted = true
        streams[stream.number] = stream
        if version?.allowsPrimingEvents == true, stream.log.hasIDs { stream.log.append([]) }
        stream.waitingSince = loop.now
        stream.decide(.stream(StreamReader(session: self, stream: stream.number, generation: stream.generation)))
        armForReader(of: stream)
    }

    func append(_ message: [UInt8], to stream: MessageStream) {
        guard stream.mayStream else {
            // While `initialize` waits for its answer there is only the general stream.
            return append(message, to: general)
        }
        commit(stream)
        stream.log.append(message)
        if stream.deliveryWaiter.isWaiting, let piece = stream.log.takeUndelivered() { stream.deliver(.bytes(piece)) }
        evict()
    }

    func finishIfAnswered(_ stream: MessageStream) {
        guard stream.isCommitted, stream.openCalls == 0, stream.number != 0 else { return }
        stream.isFinished = true
        if !stream.log.hasUndelivered { stream.deliver(.end) }
    }

    /// The next piece for a reader; waits for one.
    func next(_ reader: StreamReader) async -> Delivery {
        guard let stream = streams[reader.stream] else { return .end }
        return await Waiter.wait {
            ready(reader, stream)
        } in: {
            $0(&stream.deliveryWaiter)
        } onCancel: { [loop] in
            loop.execute { self.assumeIsolated { $0.detach(reader) } }
        }
    }

    /// What a reader gets without waiting; nil when there is nothing.
    private func ready(_ reader: StreamReader, _ stream: MessageStream) -> Delivery? {
        guard stream.generation == reader.generation, stream.reader != .detached else { return .end }
        stream.reader = .attached
        stream.waitingSince = loop.now
        if let piece = stream.log.takeUndelivered() {
            resumeOutput()
            return .bytes(piece)
        }
        if stream.isFinished || end != nil {
            release(stream)
            return .end
        }
        return nil
    }

    /// The reader has gone; calls go on and events are kept (c55).
    func detach(_ reader: StreamReader) {
        guard let stream = streams[reader.stream], stream.generation == reader.generation else { return }
        release(stream)
    }

    /// Ends the reading of `stream`, whoever reads it.
    func release(_ stream: MessageStream) {
        stream.reader = .detached
        stream.generation += 1
        lastUse = loop.now
        if stream.countsAsStream {
            stream.countsAsStream = false
            quota.closeStream()
        }
        stream.deliver(.end)
        resumeOutput()
        if stream.log.hasIDs { return evict() }
        // Nobody can come back to it.
        streams[stream.number] = nil
        guard client != .eventChannel else { return finish(.disconnected) }
        disconnected(stream)
        forgetListen(stream)
    }

    /// Ends the streams that were opened by a grant which has ended (T08).
    func revoke(_ revoked: @Sendable (GrantID) -> Bool) {
        if let grant = latest.grant, revoked(grant) { return finish(.revoked) }
        for stream in streams.values {
            if let grant = stream.principal.grant, revoked(grant) { release(stream) }
        }
    }

    // MARK: Bounds

    /// Keeps what is remembered for resumption within its bound. First goes what was delivered, of old streams first; then what
    /// nobody has asked for on the general stream; answers that nobody has heard go last. What is on its way to a reader has a
    /// bound of its own (M10), and a burst of it costs nobody what he has missed.
    private func evict() {
        var (bytes, onItsWay) = (0, 0)
        for stream in streams.values {
            bytes += stream.log.bytes
            if stream.hasReader { onItsWay += stream.log.undeliveredBytes }
        }
        guard bytes > limits.replayBytes || streams.count > limits.replayStreams else { return }
        func drop(_ number: Int, undelivered: Bool) {
            guard let stream = streams[number], !undelivered || !stream.hasReader else { return }
            while bytes - (undelivered ? onItsWay : 0) > limits.replayBytes {
                let freed = stream.log.evict(undelivered: undelivered)
                if freed == 0 { return }
                bytes -= freed
            }
        }
        let calls = streams.keys.filter { $0 != 0 }.sorted()
        for number in calls + [0] { drop(number, undelivered: false) }
        for number in [0] + calls { drop(number, undelivered: true) }
        for number in calls {
            guard let stream = streams[number] else { continue }
            let isForgotten = stream.isFinished && stream.reader == .detached
            if isForgotten, stream.log.isEmpty || streams.count > limits.replayStreams {
                streams[number] = nil
            }
        }
    }

    // MARK: Back-pressure

    private var slowReader: MessageStream? {
        streams.values.first { $0.hasReader && $0.log.undeliveredBytes > limits.undeliveredBytes }
    }

    /// Does not read on while a reader is slow (M10): the pipe fills and holds the server back, this one alone.
    func holdBack() {
        guard end == nil, !isPaused, slowReader != nil else { return }
        isPaused = true
        pausedSince = loop.now
        arm(by: pausedSince + limits.stallTimeout)
        connection?.holdOutput(true)
    }

    func resumeOutput() {
        guard isPaused, end != nil || slowReader == nil else { return }
        isPaused = false
        connection?.holdOutput(false)
    }

    /// Cuts the readers that hold their server back for too long.
    func cutSlowReaders() {
        while let stream = slowReader { release(stream) }
        resumeOutput()
    }
}
