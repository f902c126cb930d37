/// Why the content of a request could not be read.
package enum HTTPBodyError: Error, Hashable, Sendable {
    /// More than the limit: answer 413.
    case tooLarge
    /// The chunked coding is broken: the server answers 400 itself and closes.
    case malformed
    /// It came too slowly: the server answers 408 itself and closes.
    case timedOut
    /// The client went away.
    case disconnected
    /// The task was cancelled.
    case cancelled
}

/// Where the bytes of a request's content come from.
package protocol HTTPBodySource: AnyObject {
    /// The next bytes, never empty; nil at the end.
    func next() async throws(HTTPBodyError) -> [UInt8]?

    /// All that is left, if it is known to be there already; else nothing is taken.
    func rest() -> [UInt8]?
}

extension HTTPBodySource {
    package func rest() -> [UInt8]? { nil }
}

/// The content of a request, still on the wire until it is read.
///
/// Confined to the connection's loop. What a handler leaves unread the server discards, or closes the connection.
package final class HTTPRequestBody {
    /// The length that the client announced; nil when it is chunked.
    package let declaredLength: Int?
    private var source: (any HTTPBodySource)?
    /// What was read so far.
    package private(set) var receivedBytes = 0

    /// Content from a connection.
    package init(declaredLength: Int?, source: any HTTPBodySource) {
        self.declaredLength = declaredLength
        self.source = source
    }

    /// Content that is there already.
    package convenience init(_ bytes: [UInt8] = []) {
        self.init(declaredLength: bytes.count, source: HTTPBufferedBody(bytes))
    }

    /// Whether it is known to be empty.
    package var isEmpty: Bool { declaredLength == 0 }

    /// The next bytes, never empty; nil at the end.
    package func next() async throws(HTTPBodyError) -> [UInt8]? {
        guard let source, declaredLength != 0 else { return nil }
        let bytes = try await source.next()
        receivedBytes &+= bytes?.count ?? 0
        return bytes
    }

    /// Ends the body: who still holds it when the request is answered must not read the next one's content.
    func detach() {
        source = nil
    }

    /// All of it, if it came together with its head, as that of most requests; else nil, and nothing is read.
    package func collectAtOnce(upTo limit: Int) -> [UInt8]? {
        guard let declaredLength, declaredLength > 0, declaredLength <= limit, receivedBytes == 0,
            let all = source?.rest()
        else { return nil }
        receivedBytes = all.count
        return all
    }

    /// All of it, or `tooLarge` as soon as it is known to be longer than `limit`: before reading when it is declared.
    package func collect(upTo limit: Int) async throws(HTTPBodyError) -> [UInt8] {
        if let declaredLength {
            if declaredLength > limit { throw .tooLarge }
            if declaredLength == 0 { return [] }
        }
        guard var all = try await next() else { return [] }
        if all.count > limit { throw .tooLarge }
        // Most requests arrive in one piece, which is then handed on without a copy.
        if all.count == declaredLength { return all }
        while let bytes = try await next() {
            if bytes.count > limit - all.count { throw .tooLarge }
            all.append(contentsOf: bytes)
        }
        return all
    }
}

/// Content in memory.
private final class HTTPBufferedBody: HTTPBodySource {
    private var bytes: [UInt8]?

    init(_ bytes: [UInt8]) {
        self.bytes = bytes.isEmpty ? nil : bytes
    }

    func next() async throws(HTTPBodyError) -> [UInt8]? {
        defer { bytes = nil }
        return bytes
    }
}
