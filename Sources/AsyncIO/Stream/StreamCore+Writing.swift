import CLibUV
import Crypto
import Glibc

/// Bytes on their way: those that the kernel did not take at once.
// SAFETY: used on the loop's thread alone; libuv holds one reference from `uv_write` until its callback.
@safe final class WriteRequest: @unchecked Sendable {
    let core: StreamCore
    private let request: UnsafeMutablePointer<uv_write_t>
    private let memory: UnsafeMutableBufferPointer<CChar>
    private var result: Result<Void, IOError>?
    private var continuation: UnsafeContinuation<Result<Void, IOError>, Never>?

    init(_ bytes: ArraySlice<UInt8>, of core: StreamCore) {
        self.core = core
        unsafe request = .allocate(capacity: 1)
        unsafe memory = .allocate(capacity: bytes.count)
        _ = unsafe UnsafeMutableRawBufferPointer(memory).copyBytes(from: bytes)
    }

    deinit {
        unsafe request.deallocate()
        unsafe memory.deallocate()
    }

    func submit() throws(IOError) {
        unsafe sp_set_request_data(request, Unmanaged.passRetained(self).toOpaque())
        var buffer = unsafe uv_buf_t(base: memory.baseAddress, len: memory.count)
        let code = unsafe uv_write(request, sp_stream(core.handle.pointer), &buffer, 1) { request, status in
            guard let request = unsafe request, let data = unsafe sp_request_data(request) else { return }
            unsafe Unmanaged<WriteRequest>.fromOpaque(data).takeRetainedValue().completed(status)
        }
        if code != 0 {
            unsafe Unmanaged.passUnretained(self).release()
            throw IOError(code: code)
        }
    }

    private func completed(_ status: Int32) {
        core.writeCompleted(status)
        if status == 0 {
            finish(.success(()))
        } else {
            finish(.failure(core.writeError ?? IOError(code: status)))
        }
    }

    func wait(_ continuation: UnsafeContinuation<Result<Void, IOError>, Never>) {
        if let result {
            unsafe continuation.resume(returning: result)
        } else {
            unsafe self.continuation = unsafe continuation
        }
    }

    func finish(_ result: Result<Void, IOError>) {
        guard self.result == nil else { return }
        self.result = result
        guard let continuation = unsafe continuation else { return }
        unsafe self.continuation = nil
        unsafe continuation.resume(returning: result)
    }
}

extension StreamCore {
    /// Nil when the kernel took everything, else the request that carries the rest.
    func startWriting(_ bytes: [UInt8]) throws(IOError) -> WriteRequest? {
        assertLoop()
        if let writeError { throw writeError }
        if bytes.isEmpty { return nil }
        guard let tls else { return try startSending(bytes) }
        let ciphertext: [UInt8]
        do throws(TLSError) {
            ciphertext = try tls.encrypt(bytes)
        } catch {
            writeError = .connectionReset
            throw .connectionReset
        }
        return try startSending(ciphertext)
    }

    /// The same for bytes as they go over the wire.
    func startSending(_ bytes: [UInt8]) throws(IOError) -> WriteRequest? {
        let written = queuedWrites == 0 ? tryWrite(bytes) : 0
        if written == bytes.count { return nil }
        guard written >= 0 else {
            let error = IOError(code: Int32(truncatingIfNeeded: written))
            writeError = error
            throw error
        }
        let request = WriteRequest(bytes[written...], of: self)
        do { try request.submit() } catch {
            writeError = error
            throw error
        }
        queuedWrites += 1
        if queuedWrites == 1 { watchForStall() }
        return request
    }

    /// The count that the kernel took, possibly zero, or a negative error.
    private func tryWrite(_ bytes: [UInt8]) -> Int {
        unsafe bytes.withUnsafeBytes { raw in
            let base = unsafe UnsafeMutableRawPointer(mutating: raw.baseAddress)?.assumingMemoryBound(to: CChar.self)
            var buffer = unsafe uv_buf_t(base: base, len: raw.count)
            let result = unsafe uv_try_write(sp_stream(handle.pointer), &buffer, 1)
            return result == UV_EAGAIN.rawValue ? 0 : Int(result)
        }
    }

    func finish(_ request: WriteRequest) async throws(IOError) {
        let result: Result<Void, IOError> = await unsafe suspend {
            unsafe request.wait($0)
        } onCancel: {
            loop.execute { request.finish(.failure(.cancelled)) }
        }
        try result.get()
    }

    func writeCompleted(_ status: Int32) {
        queuedWrites -= 1
        if status != 0, writeError == nil { writeError = IOError(code: status) }
        if queuedWrites == 0 { stallTimer?.stop() }
    }

    func shutdownWrite() async {
        assertLoop()
        guard !isClosed, writeError == nil else { return }
        endTLS()
        // Later writes are refused; those queued go out first.
        writeError = .closed
        let request = ShutdownRequest(of: self)
        if isSocket {
            guard request.submit() else { return }
            await unsafe withUnsafeContinuation { unsafe request.wait($0) }
        } else {
            await drainWrites()
            close()
        }
    }

    /// Waits until the queue of a pipe is empty; the stall timer bounds it.
    private func drainWrites() async {
        while queuedWrites > 0, !isClosed {
            // Cancelled: nobody waits any longer for the rest, so the pipe may be cut.
            do { try await loop.sleep(for: .milliseconds(5)) } catch { return }
        }
    }

    // MARK: Stall

    private func watchForStall() {
        unsentAtLastLook = undelivered
        let timer = stallTimer ?? LoopTimer(on: loop) { [unowned self] in lookForProgress() }
        stallTimer = timer
        timer.start(after: writeTimeout)
    }

    /// What the peer has not taken: our queue and the kernel's. The kernel asks for more only when a good part of its
    /// buffer is free, which with a slow peer takes longer than any stall.
    private var undelivered: Int {
        var descriptor: Int32 = -1
        unsafe uv_fileno(sp_handle(handle.pointer), &descriptor)
        return unsentBytes + (isSocket && descriptor >= 0 ? Int(sp_unacknowledged(descriptor)) : 0)
    }

    private func lookForProgress() {
        guard queuedWrites > 0 else { return }
        if undelivered < unsentAtLastLook {
            watchForStall()
        } else {
            close(because: .timedOut)
        }
    }
}

/// A FIN that waits for the queued writes.
// SAFETY: used on the loop's thread alone; libuv holds one reference from `uv_shutdown` until its callback.
@safe private final class ShutdownRequest: @unchecked Sendable {
    private let core: StreamCore
    private let request: UnsafeMutablePointer<uv_shutdown_t>
    private var isDone = false
    private var continuation: UnsafeContinuation<Void, Never>?

    init(of core: StreamCore) {
        self.core = core
        unsafe request = .allocate(capacity: 1)
    }

    deinit {
        unsafe request.deallocate()
    }

    /// False when there is nothing to shut down any more.
    func submit() -> Bool {
        unsafe sp_set_request_data(request, Unmanaged.passRetained(self).toOpaque())
        let code = unsafe uv_shutdown(request, sp_stream(core.handle.pointer)) { request, _ in
            guard let request = unsafe request, let data = unsafe sp_request_data(request) else { return }
            unsafe Unmanaged<ShutdownRequest>.fromOpaque(data).takeRetainedValue().completed()
        }
        if code != 0 { unsafe Unmanaged.passUnretained(self).release() }
        return code == 0
    }

    func wait(_ continuation: UnsafeContinuation<Void, Never>) {
        if isDone {
            unsafe continuation.resume()
        } else {
            unsafe self.continuation = unsafe continuation
        }
    }

    private func completed() {
        isDone = true
        guard let continuation = unsafe continuation else { return }
        unsafe self.continuation = nil
        unsafe continuation.resume()
    }
}
