internal import CHiredis

/// hiredis's parser: takes bytes as they come, gives replies as they become complete.
@safe struct RESPReader: ~Copyable {
    /// The peer does not speak RESP.
    struct Failure: Error, Hashable {
        let detail: String
    }

    private let reader: UnsafeMutablePointer<redisReader>

    init() {
        // Fails only without memory, when the process cannot go on anyway.
        guard let reader = unsafe redisReaderCreate() else { fatalError("out of memory") }
        unsafe self.reader = reader
    }

    deinit { unsafe redisReaderFree(reader) }

    /// Takes what arrived.
    mutating func feed(_ bytes: [UInt8]) throws(Failure) {
        let result = unsafe bytes.withUnsafeBytes { buffer in
            unsafe redisReaderFeed(reader, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), buffer.count)
        }
        guard result == REDIS_OK else { throw failure() }
    }

    /// The next complete reply; nil when more bytes are needed.
    mutating func next() throws(Failure) -> RESPValue? {
        var raw: UnsafeMutableRawPointer?
        guard unsafe redisReaderGetReply(reader, &raw) == REDIS_OK else { throw failure() }
        guard let raw = unsafe raw else { return nil }
        defer { unsafe freeReplyObject(raw) }
        return unsafe Self.value(raw.assumingMemoryBound(to: redisReply.self).pointee)
    }

    private func failure() -> Failure {
        let text = unsafe withUnsafeBytes(of: &reader.pointee.errstr) { buffer in
            unsafe String(decoding: buffer.prefix { $0 != 0 }, as: UTF8.self)
        }
        return Failure(detail: "redis: \(text)")
    }

    /// hiredis limits the depth to seven.
    private static func value(_ reply: redisReply) -> RESPValue {
        switch unsafe reply.type {
        case REDIS_REPLY_INTEGER: return unsafe .integer(reply.integer)
        case REDIS_REPLY_STRING, REDIS_REPLY_STATUS: return unsafe .bytes(bytes(reply))
        case REDIS_REPLY_ERROR: return unsafe .error(String(decoding: bytes(reply), as: UTF8.self))
        case REDIS_REPLY_ARRAY:
            return unsafe .array(
                (0..<reply.elements).map { index in
                    guard let element = unsafe reply.element[index] else { return .null }
                    return unsafe value(element.pointee)
                })
        default: return .null
        }
    }

    private static func bytes(_ reply: redisReply) -> [UInt8] {
        unsafe [UInt8](UnsafeRawBufferPointer(start: reply.str, count: reply.len))
    }
}
