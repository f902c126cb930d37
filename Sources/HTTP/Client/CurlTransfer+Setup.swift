import AsyncIO
internal import CCurl

extension CurlTransfer {
    /// How long a pooled connection may have been idle to carry what must not be sent twice, in seconds: common servers
    /// close theirs after five, and a request that meets the closing is lost.
    private static let freshConnection = 4

    private static func transfer(_ context: UnsafeMutableRawPointer?) -> CurlTransfer? {
        guard let context = unsafe context else { return nil }
        return unsafe Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
    }

    func setCallbacks() {
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

    func setPolicy() -> Bool {
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

    func setRequest(_ request: HTTPClientRequest) -> Bool {
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
}
