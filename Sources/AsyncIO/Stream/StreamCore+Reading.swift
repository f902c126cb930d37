import CLibUV
import Glibc

extension StreamCore {
    /// What was read ahead, and room for more.
    func takePending() -> [UInt8]? {
        assertLoop()
        guard !pending.isEmpty else { return nil }
        var bytes: [UInt8] = []
        swap(&bytes, &pending)
        if !isEnded { startReading() }
        return bytes
    }

    func putBack(_ bytes: some Collection<UInt8>) {
        assertLoop()
        pending.insert(contentsOf: bytes, at: 0)
    }

    /// Suspends the caller until bytes, the end, an error, the deadline or cancellation.
    func wait(until deadline: LoopInstant?) async throws(IOError) -> [UInt8]? {
        guard try prepareToWait(until: deadline) else { return nil }
        let ticket = readTicket
        let result: ReadResult = await unsafe suspend {
            unsafe reader = $0
        } onCancel: {
            loop.execute { self.cancelRead(ticket) }
        }
        return try result.get()
    }

    /// The same without heed of cancellation: a handler for it would cost a call more than the reading itself.
    func waitUntilClosed(until deadline: LoopInstant) async throws(IOError) -> [UInt8]? {
        guard try prepareToWait(until: deadline) else { return nil }
        let result: ReadResult = await unsafe withUnsafeContinuation { unsafe reader = $0 }
        return try result.get()
    }

    /// False at the end.
    private func prepareToWait(until deadline: LoopInstant?) throws(IOError) -> Bool {
        assertLoop()
        if let readError { throw readError }
        if isEnded { return false }
        precondition(unsafe reader == nil, "one task reads a stream at a time")
        startReading()
        if let readError { throw readError }
        readTicket &+= 1
        if let deadline { expectBytes(before: deadline) }
        return true
    }

    func setPeerClosedHandler(_ handler: (() -> Void)?) {
        assertLoop()
        onPeerClosed = handler
        if handler != nil, !isEnded, !isClosed { startReading() }
    }

    /// Hands everything that arrives to `handler` instead of to readers, and then, once, how it ended.
    func deliver(_ handler: @escaping ([UInt8]) -> Void, ended: @escaping (IOError?) -> Void) {
        assertLoop()
        precondition(unsafe reader == nil && onBytes == nil, "a stream is read by one")
        guard !isClosed else { return }
        onBytes = handler
        onPeerClosed = { [unowned self] in ended(readError) }
        if !pending.isEmpty {
            var bytes: [UInt8] = []
            swap(&bytes, &pending)
            handler(bytes)
        }
        if isEnded {
            onPeerClosed = nil
            ended(readError)
        } else {
            startReading()
        }
    }

    /// Stops or goes on delivering; what waits meanwhile stays with the kernel.
    func holdDelivery(_ isHeld: Bool) {
        assertLoop()
        if isHeld {
            stopReading()
        } else if onBytes != nil, !isEnded {
            startReading()
        }
    }

    /// A cancellation that comes late, when another read waits, finds another ticket.
    private func cancelRead(_ ticket: UInt64) {
        if ticket == readTicket { finishReader(.failure(.cancelled)) }
    }

    func finishReader(_ result: ReadResult) {
        guard let reader = unsafe reader else { return }
        unsafe self.reader = nil
        readDeadline = nil
        unsafe reader.resume(returning: result)
    }

    private func startReading() {
        guard !isReading, !isClosed else { return }
        isReading = true
        let result = unsafe uv_read_start(
            sp_stream(handle.pointer),
            { handle, _, buffer in
                guard let buffer = unsafe buffer,
                    let core = unsafe UVHandle.owner(handle, as: StreamCore.self)
                else { return }
                unsafe core.offerBuffer(&buffer.pointee)
            },
            { handle, count, _ in
                unsafe UVHandle.owner(handle, as: StreamCore.self)?.received(count)
            })
        if result != 0 {
            isReading = false
            if readError == nil { readError = IOError(code: result) }
        }
    }

    private func stopReading() {
        guard isReading else { return }
        isReading = false
        unsafe uv_read_stop(sp_stream(handle.pointer))
    }

    /// All reads of a loop share one buffer; the bytes are copied out before the next read can happen.
    private func offerBuffer(_ buffer: inout uv_buf_t) {
        unsafe buffer.base = loop.readBuffer.assumingMemoryBound(to: CChar.self)
        unsafe buffer.len = max(1, EventLoop.readChunk - pending.count)
    }

    private func received(_ count: Int) {
        guard !isClosed, count != 0 else { return }
        guard count > 0 else {
            // Under TLS an end that only the wire knows may be anybody's doing.
            return ended(tls == nil ? Int32(truncatingIfNeeded: count) : UV_ECONNRESET.rawValue)
        }
        loop.noteInput()
        let bytes = unsafe UnsafeRawBufferPointer(start: loop.readBuffer, count: count)
        if let tls { return unsafe decrypt(bytes, tls) }
        if unsafe reader != nil {
            var copy = loop.takeBuffer()
            unsafe copy.append(contentsOf: bytes)
            finishReader(.success(copy))
            return
        }
        if let onBytes {
            var copy = loop.takeBuffer()
            unsafe copy.append(contentsOf: bytes)
            onBytes(copy)
            loop.giveBack(&copy)
            return
        }
        unsafe pending.append(contentsOf: bytes)
        if pending.count >= EventLoop.readChunk { stopReading() }
    }

    /// Hands on what was decrypted.
    func pass(_ bytes: inout [UInt8]) {
        if unsafe reader != nil { return finishReader(.success(bytes)) }
        if let onBytes {
            onBytes(bytes)
            return loop.giveBack(&bytes)
        }
        pending += bytes
        loop.giveBack(&bytes)
        if pending.count >= EventLoop.readChunk { stopReading() }
    }

    func ended(_ code: Int32) {
        guard !isEnded, !isClosed else { return }
        stopReading()
        isEnded = true
        if code != UV_EOF.rawValue { readError = IOError(code: code) }
        if unsafe reader != nil {
            finishReader(readError.map { .failure($0) } ?? .success(nil))
        } else {
            let handler = onPeerClosed
            onPeerClosed = nil
            handler?()
        }
    }

    // MARK: Deadline

    /// One timer per stream, which is not touched by every read: it fires rarely and looks then what is due.
    private func expectBytes(before deadline: LoopInstant) {
        readDeadline = deadline
        if let due = readTimerDue, due <= deadline { return }
        armReadTimer(deadline)
    }

    private func armReadTimer(_ deadline: LoopInstant) {
        let timer = readTimer ?? LoopTimer(on: loop) { [unowned self] in readTimerFired() }
        readTimer = timer
        readTimerDue = deadline
        timer.start(after: deadline - EventLoop.preciseNow)
    }

    private func readTimerFired() {
        readTimerDue = nil
        guard unsafe reader != nil, let deadline = readDeadline else { return }
        if EventLoop.preciseNow >= deadline {
            finishReader(.failure(.timedOut))
        } else {
            armReadTimer(deadline)
        }
    }
}
