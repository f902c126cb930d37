import AsyncIO
internal import CCurl

/// Drives libcurl's transfers by the events of one loop. Owns the multi handle; confined to its loop.
@safe final class CurlMulti {
    private let loop: EventLoop
    private let multi: OpaquePointer
    private var polls: [Int32: SocketPoll] = [:]
    private var transfers: [UInt: CurlTransfer] = [:]
    private lazy var timer = LoopTimer(on: loop) { [weak self] in self?.advance(CURL_SOCKET_TIMEOUT, 0) }

    /// libcurl's process-wide state, made once before the first handle.
    private static let isLibraryReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    /// Nil where libcurl cannot start.
    init?(on loop: EventLoop) {
        guard Self.isLibraryReady, let multi = unsafe curl_multi_init() else { return nil }
        self.loop = loop
        unsafe self.multi = OpaquePointer(multi)
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe sallyport_set_multi(
            multi, context,
            { _, socket, action, context, _ in
                guard let context = unsafe context else { return 0 }
                unsafe Unmanaged<CurlMulti>.fromOpaque(context).takeUnretainedValue().watch(socket, action)
                return 0
            },
            { _, milliseconds, context in
                guard let context = unsafe context else { return 0 }
                unsafe Unmanaged<CurlMulti>.fromOpaque(context).takeUnretainedValue().schedule(milliseconds)
                return 0
            })
        unsafe sallyport_set_multi_long(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, 1024)
        unsafe sallyport_set_multi_long(multi, CURLMOPT_MAXCONNECTS, 64)
    }

    deinit {
        for transfer in transfers.values {
            unsafe curl_multi_remove_handle(handle, transfer.handle)
        }
        unsafe curl_multi_cleanup(handle)
    }

    private var handle: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(multi) }

    /// Starts a transfer; its end is told to it.
    func add(_ transfer: CurlTransfer) -> Bool {
        transfers[transfer.key] = transfer
        return unsafe curl_multi_add_handle(handle, transfer.handle) == CURLM_OK
    }

    /// Takes a transfer out, finished or not; its connection is closed unless it can serve again.
    func remove(_ transfer: CurlTransfer) {
        guard transfers.removeValue(forKey: transfer.key) != nil else { return }
        unsafe curl_multi_remove_handle(handle, transfer.handle)
    }

    private func watch(_ socket: Int32, _ action: Int32) {
        if action == CURL_POLL_REMOVE {
            polls.removeValue(forKey: socket)?.close()
            return
        }
        let poll =
            polls[socket]
            ?? SocketPoll(socket, on: loop) { [weak self] events in
                var ready: Int32 = 0
                if events.contains(.readable) { ready |= CURL_CSELECT_IN }
                if events.contains(.writable) { ready |= CURL_CSELECT_OUT }
                if events.contains(.failed) { ready |= CURL_CSELECT_ERR }
                self?.advance(socket, ready)
            }
        guard let poll else { return }
        polls[socket] = poll
        var events: SocketPoll.Events = []
        if action & CURL_POLL_IN != 0 { events.insert(.readable) }
        if action & CURL_POLL_OUT != 0 { events.insert(.writable) }
        poll.watch(events)
    }

    private func schedule(_ milliseconds: Int) {
        if milliseconds < 0 { timer.stop() } else { timer.start(after: .milliseconds(milliseconds)) }
    }

    private func advance(_ socket: Int32, _ events: Int32) {
        var running: Int32 = 0
        unsafe curl_multi_socket_action(handle, socket, events, &running)
        var result = CURLE_OK
        while let finished = unsafe sallyport_finished(handle, &result) {
            guard let transfer = transfers[UInt(bitPattern: finished)] else { continue }
            remove(transfer)
            transfer.finish(result)
        }
    }
}
