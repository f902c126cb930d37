import AsyncIO
internal import CCurl

/// One exchange: owns the easy handle and what libcurl has delivered so far. Confined to the client's loop; libcurl
/// calls back on it only while the loop drives the multi handle.
@safe final class CurlTransfer {
    /// Most body bytes that wait for the reader before the peer has to.
    static let bufferLimit = 256 << 10
    /// How long a pooled connection may have been idle to carry what must not be sent twice, in seconds: common servers
    /// close theirs after five, and a request that meets the closing is lost.
    private static let freshConnection = 4
    private static let maximumFieldBytes = 64 << 10
    /// Parts are joined up to this size, so that a peer that sends single bytes costs a list of sixteen.
    private static let chunkSize = 16 << 10

    private let policy: EgressPolicy
    private let easy: OpaquePointer
    private var list: UnsafeMutablePointer<curl_slist>?
    private var fields = HTTPFields()
    private var fieldBytes = 0
    private var status = 0
    private var isHeadComplete = false
    private var chunks: [[UInt8]] = []
    private var buffered = 0
    private var received = 0
    private var isPaused = false
    private var failure: HTTPClientError?
    private var isFinished = false
    /// How often something changed: who waits says what it has seen.
    private(set) var changes = 0
    private var waiter: (() -> Void)?
    private let upload: Upload?
    private let acceptsCodings: Bool
    private var hasSocket = false

    var handle: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(easy) }

    /// Tells this transfer from others while it lives.
    var key: UInt { unsafe UInt(bitPattern: easy) }

    /// Nil where libcurl refuses the request. `wantsUpload` is called when a streamed body needs its next part.
    init?(_ request: HTTPClientRequest, policy: EgressPolicy, wantsUpload: @escaping () -> Void) {
        guard let easy = unsafe curl_easy_init() else { return nil }
        unsafe self.easy = OpaquePointer(easy)
        self.policy = policy
        switch request.body {
        case .stream: upload = Upload(wantsMore: wantsUpload)
        case .bytes(let bytes) where !request.isRepeatable: upload = Upload(whole: bytes)
        case .bytes, .none: upload = nil
        }
        unsafe list = nil
        acceptsCodings = request.fields["accept-encoding"] != nil
        setCallbacks()
        // An option that cannot be set must not leave the door open that it was to close.
        guard setPolicy(), setRequest(request) else { return nil }
    }

    deinit {
        unsafe curl_easy_cleanup(handle)
        unsafe curl_slist_free_all(list)
    }

    // MARK: What the client asks

    /// The head once it is complete.
    var head: (status: HTTPStatus, fields: HTTPFields)? {
        isHeadComplete ? (HTTPStatus(status), fields) : nil
    }

    /// Why there will be nothing more, once that is so.
    var outcome: Result<Void, HTTPClientError>? {
        if let failure { return .failure(failure) }
        return isFinished ? .success(()) : nil
    }

    /// Takes the oldest part of the body and lets a peer go on that was made to wait.
    func takeChunk() -> [UInt8]? {
        guard !chunks.isEmpty else { return nil }
        let chunk = chunks.removeFirst()
        buffered -= chunk.count
        if isPaused, buffered < Self.bufferLimit / 2 {
            isPaused = false
            unsafe curl_easy_pause(handle, CURLPAUSE_CONT)
        }
        return chunk
    }

    /// Calls `body` once when something changes: a head, a part of the body, the end. Whoever waited before is woken.
    func whenChanged(_ body: @escaping () -> Void) {
        let displaced = waiter
        waiter = body
        displaced?()
    }

    /// Ends it from our side, with what its reader shall be told.
    func fail(_ error: HTTPClientError) {
        if failure == nil, !isFinished { failure = error }
        notify()
    }

    /// The next part of a streamed request body; nil ends it.
    func provide(_ bytes: [UInt8]?) {
        upload?.provide(bytes)
        unsafe curl_easy_pause(handle, isPaused ? CURLPAUSE_RECV : CURLPAUSE_CONT)
    }

    /// libcurl is done with it.
    func finish(_ result: CURLcode) {
        if result != CURLE_OK, failure == nil { failure = Self.error(result, hasSocket: hasSocket) }
        if failure == nil, !isHeadComplete { failure = HTTPClientError(.invalidResponse, "no complete head") }
        isFinished = true
        notify()
    }

    private func notify() {
        changes &+= 1
        let waiter = waiter
        self.waiter = nil
        waiter?()
    }

    // MARK: What libcurl calls

    fileprivate func receiveHeader(_ line: [UInt8]) -> Bool {
        // Trailers come the same way and mean nothing to anybody here.
        if isHeadComplete { return true }
        fieldBytes += line.count
        guard fieldBytes <= Self.maximumFieldBytes else {
            failure = HTTPClientError(.tooLarge, "header fields of more than \(Self.maximumFieldBytes) bytes")
            return false
        }
        var text = line[...]
        if text.last == 0x0A { text.removeLast() }
        if text.last == 0x0D { text.removeLast() }
        if text.starts(with: "HTTP/".utf8) {
            fields = HTTPFields()
            status = text.split(separator: 0x20).dropFirst().first.flatMap { ByteClass.decimal($0[...]) } ?? 0
            return true
        }
        return text.isEmpty ? completeHead() : receiveField(text)
    }

    private func completeHead() -> Bool {
        // Interim answers (RFC 9110 §15.2) are followed by the real one.
        guard status >= 200 else { return true }
        if !acceptsCodings, let coding = fields["content-encoding"], coding != "identity" {
            // Nothing is decoded here, and what is not decoded cannot be a bomb (I07).
            failure = HTTPClientError(.invalidResponse, "a coding that was not asked for")
            return false
        }
        isHeadComplete = true
        notify()
        return true
    }

    /// Refuses what is not a field, a folded line among it (RFC 9112 §5.2), instead of guessing what was meant.
    private func receiveField(_ text: ArraySlice<UInt8>) -> Bool {
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")),
            let name = HTTPFieldName(validating: String(decoding: text[..<colon], as: UTF8.self)),
            !text.contains(where: { $0 == 0x0D || $0 == 0 })
        else {
            failure = HTTPClientError(.invalidResponse, "a line of the head is not a field")
            return false
        }
        let value = text[(colon + 1)...].drop { $0 == 0x20 || $0 == 0x09 }
        let end = value.lastIndex { $0 != 0x20 && $0 != 0x09 }.map { $0 + 1 } ?? value.startIndex
        fields.append(name, String(decoding: value[..<end], as: UTF8.self))
        return true
    }

    /// How many bytes were taken, or a demand to wait.
    fileprivate func receiveBody(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard failure == nil else { return 0 }
        if buffered >= Self.bufferLimit {
            isPaused = true
            return Int(CURL_WRITEFUNC_PAUSE)
        }
        received += bytes.count
        if let limit = policy.maximumBodyBytes, received > limit {
            failure = HTTPClientError(.tooLarge, "a body of more than \(limit) bytes")
            return 0
        }
        if let last = chunks.indices.last, chunks[last].count < Self.chunkSize {
            unsafe chunks[last].append(contentsOf: bytes)
        } else {
            unsafe chunks.append([UInt8](bytes))
        }
        buffered += bytes.count
        notify()
        return bytes.count
    }

    fileprivate func fillUpload(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        unsafe upload?.fill(buffer) ?? 0
    }

    fileprivate func open(_ address: UnsafeMutablePointer<curl_sockaddr>) -> Int32 {
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = unsafe bytes.withUnsafeMutableBufferPointer { unsafe sallyport_address(address, $0.baseAddress) }
        guard let ip = Self.address(bytes.prefix(Int(count))), policy.permits(ip) else {
            failure = HTTPClientError(.refused, "the address is not a public one")
            return -1
        }
        hasSocket = true
        return unsafe sallyport_socket(address)
    }

    private static func address(_ bytes: ArraySlice<UInt8>) -> IPAddress? {
        func number(_ part: ArraySlice<UInt8>) -> UInt64 { part.reduce(0) { $0 << 8 | UInt64($1) } }
        switch bytes.count {
        case 4: return .v4(UInt32(truncatingIfNeeded: number(bytes)))
        case 16: return .v6(high: number(bytes.prefix(8)), low: number(bytes.dropFirst(8)))
        default: return nil
        }
    }
}

// MARK: - Setting up

extension CurlTransfer {
    private static func transfer(_ context: UnsafeMutableRawPointer?) -> CurlTransfer? {
        guard let context = unsafe context else { return nil }
        return unsafe Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
    }

    private func setCallbacks() {
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe sallyport_set_callbacks(
            handle, context,
            { bytes, size, count, context in
                let line = unsafe [UInt8](UnsafeRawBufferPointer(start: bytes, count: size &* count))
                return unsafe CurlTransfer.transfer(context)?.receiveHeader(line) == true ? line.count : 0
            },
            { bytes, size, count, context in
                let part = unsafe UnsafeRawBufferPointer(start: bytes, count: size &* count)
                return unsafe CurlTransfer.transfer(context)?.receiveBody(part) ?? 0
            },
            { context, _, address in
                guard let address = unsafe address else { return -1 }
                return unsafe CurlTransfer.transfer(context)?.open(address) ?? -1
            })
    }

    private func setPolicy() -> Bool {
        set(CURLOPT_NOSIGNAL, 1) && set(CURLOPT_FOLLOWLOCATION, 0)
            // The path is sent as it was checked.
            && set(CURLOPT_PATH_AS_IS, 1)
            // Nothing is taken from the environment: a proxy would be asked to connect where the policy cannot look.
            && set(CURLOPT_PROXY, "") && set(CURLOPT_PROTOCOLS_STR, policy.allowsPlainHTTP ? "http,https" : "https")
            && set(CURLOPT_CONNECTTIMEOUT_MS, Self.milliseconds(policy.connectTimeout))
            && set(CURLOPT_TIMEOUT_MS, policy.totalTimeout.map { Self.milliseconds($0) } ?? 0)
            && (policy.certificateAuthorities.map { set(CURLOPT_CAINFO, $0) } ?? true)
            && (policy.allowsHTTP2 || set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1)))
            // A peer that vanished without a word is noticed, also by a stream on which nothing happens.
            && set(CURLOPT_TCP_KEEPALIVE, 1) && set(CURLOPT_TCP_KEEPIDLE, 30) && set(CURLOPT_TCP_KEEPINTVL, 10)
            && set(CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2)
            && set(CURLOPT_SSL_VERIFYPEER, 1) && set(CURLOPT_SSL_VERIFYHOST, 2)
    }

    private func setRequest(_ request: HTTPClientRequest) -> Bool {
        guard set(CURLOPT_URL, request.url.text) else { return false }
        if let timeout = request.timeout, !set(CURLOPT_TIMEOUT_MS, Self.milliseconds(timeout)) { return false }
        if !request.isRepeatable, !set(CURLOPT_MAXAGE_CONN, Self.freshConnection) { return false }
        switch request.body {
        case .none:
            if request.method == .head, !set(CURLOPT_NOBODY, 1) { return false }
        case .bytes(let bytes) where !request.isRepeatable:
            // libcurl sends a request again when a pooled connection is found closed, also one that the peer has read. What
            // it took from a callback it cannot take again, so it gives up instead.
            guard set(CURLOPT_POST, 1) else { return false }
            unsafe sallyport_set_size(handle, CURLOPT_POSTFIELDSIZE_LARGE, bytes.count)
            setReader()
        case .bytes(let bytes):
            unsafe sallyport_set_size(handle, CURLOPT_POSTFIELDSIZE_LARGE, bytes.count)
            unsafe (bytes + [0]).withUnsafeBytes {
                _ = unsafe sallyport_set_text(
                    handle, CURLOPT_COPYPOSTFIELDS, $0.baseAddress?.assumingMemoryBound(to: CChar.self))
            }
        case .stream:
            guard set(CURLOPT_UPLOAD, 1) else { return false }
            setReader()
        }
        if request.method != .head, !set(CURLOPT_CUSTOMREQUEST, request.method.rawValue) { return false }
        for (name, value) in request.fields {
            // A field without a value is written with a semicolon, or libcurl would leave it out.
            unsafe list = curl_slist_append(list, value.isEmpty ? "\(name);" : "\(name): \(value)")
        }
        // Waiting for 100 (Continue) would cost a second against servers that do not send it.
        unsafe list = curl_slist_append(list, "Expect:")
        // libcurl would call every body a form.
        if request.fields["content-type"] == nil { unsafe list = curl_slist_append(list, "Content-Type:") }
        if !acceptsCodings { unsafe list = curl_slist_append(list, "Accept-Encoding: identity") }
        return unsafe sallyport_set_list(handle, CURLOPT_HTTPHEADER, list) == CURLE_OK
    }

    private func setReader() {
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe sallyport_set_reader(handle, context) { buffer, size, count, context in
            let space = unsafe UnsafeMutableRawBufferPointer(start: buffer, count: size &* count)
            return unsafe CurlTransfer.transfer(context)?.fillUpload(space) ?? Int(CURL_READFUNC_ABORT)
        }
    }

    private func set(_ option: CURLoption, _ value: Int) -> Bool {
        unsafe sallyport_set_long(handle, option, value) == CURLE_OK
    }

    private func set(_ option: CURLoption, _ value: String) -> Bool {
        unsafe sallyport_set_text(handle, option, value) == CURLE_OK
    }

    private static func milliseconds(_ duration: Duration) -> Int {
        let (seconds, attoseconds) = duration.components
        return max(1, Int(min(seconds, 1_000_000)) * 1000 + Int(attoseconds / 1_000_000_000_000_000))
    }

    private static func error(_ result: CURLcode, hasSocket: Bool) -> HTTPClientError {
        let detail = unsafe String(cString: curl_easy_strerror(result))
        switch result {
        // The same code for a scheme that the policy forbids and for an answer that is not HTTP.
        case CURLE_UNSUPPORTED_PROTOCOL: return HTTPClientError(hasSocket ? .invalidResponse : .refused, detail)
        case CURLE_URL_MALFORMAT: return HTTPClientError(.refused, detail)
        case CURLE_COULDNT_RESOLVE_HOST: return HTTPClientError(.unresolved, detail)
        case CURLE_COULDNT_CONNECT: return HTTPClientError(.connectFailed, detail)
        case CURLE_OPERATION_TIMEDOUT: return HTTPClientError(.timeout, detail)
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CACERT_BADFILE:
            return HTTPClientError(.tlsFailed, detail)
        case CURLE_PARTIAL_FILE, CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_GOT_NOTHING, CURLE_SEND_FAIL_REWIND:
            return HTTPClientError(.disconnected, detail)
        default: return HTTPClientError(.invalidResponse, detail)
        }
    }
}

/// The part of a streamed request body that libcurl has not taken yet.
private final class Upload {
    private let wantsMore: () -> Void
    private var pending: ArraySlice<UInt8> = []
    private var isEnded = false

    init(wantsMore: @escaping () -> Void) {
        self.wantsMore = wantsMore
    }

    /// Everything is there already.
    init(whole bytes: [UInt8]) {
        wantsMore = {}
        pending = bytes[...]
        isEnded = true
    }

    func provide(_ bytes: [UInt8]?) {
        if let bytes { pending = bytes[...] } else { isEnded = true }
    }

    func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        if pending.isEmpty {
            if isEnded { return 0 }
            wantsMore()
            return Int(CURL_READFUNC_PAUSE)
        }
        let part = pending.prefix(buffer.count)
        unsafe buffer.copyBytes(from: part)
        pending = pending.dropFirst(part.count)
        return part.count
    }
}
