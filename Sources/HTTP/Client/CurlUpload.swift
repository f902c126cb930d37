internal import CCurl

/// The part of a streamed request body that libcurl has not taken yet.
final class CurlUpload {
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
