import AsyncIO
internal import CCurl

/// One exchange: owns the easy handle and what libcurl has delivered so far. Confined to the client's loop; libcurl
/// calls back on it only while the loop drives the multi handle.
@safe final class CurlTransfer {
    /// Most body bytes that wait for the reader before the peer has to.
    static let bufferLimit = 256 << 10
    private static let maximumFieldBytes = 64 << 10
    /// Parts are joined up to this size, so that a peer that sends single bytes costs a list of sixteen.
    private static let chunkSize = 16 << 10

    let policy: EgressPolicy
    private let easy: OpaquePointer
    var list: UnsafeMutablePointer<curl_slist>?
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
    private let upload: CurlUpload?
    let acceptsCodings: Bool
    private var hasSocket = false
    /// Where libcurl says more of an error than its code does.
    private let words = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

    var handle: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(easy) }

    /// Tells this transfer from others while it lives.
    var key: UInt { unsafe UInt(bitPattern: easy) }

    /// Nil where libcurl refuses the request. `wantsUpload` is called when a streamed body needs its next part.
    init?(_ request: HTTPClientRequest, policy: EgressPolicy, wantsUpload: @escaping () -> Void) {
        guard let easy = unsafe curl_easy_init() else { return nil }
        unsafe self.easy = OpaquePointer(easy)
        self.policy = policy
        switch request.body {
        case .stream: upload = CurlUpload(wantsMore: wantsUpload)
        case .bytes(let bytes) where !request.isRepeatable: upload = CurlUpload(whole: bytes)
        case .bytes, .none: upload = nil
        }
        unsafe list = nil
        acceptsCodings = request.fields["accept-encoding"] != nil
        unsafe words.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        unsafe sallyport_set_error_text(handle, words)
        setCallbacks()
        // An option that cannot be set must not leave the door open that it was to close.
        guard setPolicy(), setRequest(request) else { return nil }
    }

    deinit {
        unsafe curl_easy_cleanup(handle)
        unsafe curl_slist_free_all(list)
        unsafe words.deallocate()
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
        if result != CURLE_OK, failure == nil {
            failure = unsafe Self.error(result, String(cString: words), hasSocket: hasSocket)
        }
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

    func receiveHeader(_ line: [UInt8]) -> Bool {
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
    func receiveBody(_ bytes: UnsafeRawBufferPointer) -> Int {
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

    func fillUpload(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        unsafe upload?.fill(buffer) ?? 0
    }

    func open(_ address: UnsafeMutablePointer<curl_sockaddr>) -> Int32 {
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
