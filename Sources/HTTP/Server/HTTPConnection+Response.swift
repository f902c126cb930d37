import AsyncIO
import Telemetry

extension HTTPConnection {
    /// A body up to this size goes out in one piece with its head.
    private static let joinLimit = 65_536
    /// The most that a connection keeps for its next response.
    private static let keptCapacity = 16_384

    /// What is left of an answer that is not with the kernel as a whole.
    struct Rest {
        var head: ByteStream.PendingWrite?
        var content: [UInt8]?
        var stream: StreamedResponse?
    }

    /// Writes the answer as far as that takes no waiting; nil when it went as a whole, as nearly always. Sets ``mayContinue``.
    func begin(_ response: HTTPResponse, to request: AnsweredRequest) -> Rest? {
        begin(response, to: request, id: request.id)
    }

    /// The same where `request` may be nil: for the answer to something that was none.
    func begin(_ response: HTTPResponse, to request: AnsweredRequest?, id: RequestID) -> Rest? {
        if isUnfit(response) { return begin(withheld(id: id), to: request, id: id) }
        HTTPMetrics.count(response.status)
        if let request, let began = request.began {
            unlogged = UnloggedAnswer(response, to: request, id: id, began: began)
        }
        let mayStay =
            request.map { $0.wantsKeepAlive && !isDraining && reader.mayKeepConnection(after: $0.framing) } ?? false
        let isHTTP11 = request?.isHTTP11 ?? true
        let framing = framing(of: response, isHTTP11: isHTTP11)
        mayContinue = mayStay && framing != .untilClose
        output.removeAll(keepingCapacity: output.capacity <= Self.keptCapacity)
        ResponseHead(
            status: response.status, fields: response.fields, framing: framing, keepsAlive: mayContinue,
            isHTTP11: isHTTP11, requestID: id
        ).write(to: &output, date: date.current(at: stream.loop.now))
        var rest = Rest()
        if request?.method != .head, !response.status.forbidsContent {
            switch response.body {
            case .none: break
            case .bytes(let bytes) where bytes.count <= Self.joinLimit: output += bytes
            case .bytes(let bytes): rest.content = bytes
            case .stream(let writeContent):
                rest.stream = StreamedResponse(isChunked: framing == .chunked, writeContent: writeContent)
            }
        }
        do throws(IOError) {
            // The head goes at once: a stream may have nothing to say for long.
            rest.head = try stream.begin(output)
        } catch {
            cut(because: error)
            return nil
        }
        if output.capacity > Self.keptCapacity { output = [] }
        return rest.head == nil && rest.content == nil && rest.stream == nil ? nil : rest
    }

    /// Writes the rest of the answer, or of a stream the head: then the stream comes back.
    func complete(_ rest: Rest) async -> StreamedResponse? {
        do throws(IOError) {
            if let head = rest.head { try await stream.finish(head) }
            if let content = rest.content { try await stream.write(content) }
            return rest.stream
        } catch {
            cut(because: error)
            return nil
        }
    }

    /// Cuts the connection, so that the client sees that something is missing.
    private func cut(because error: any Error) {
        context.logger.debug(
            "response not finished",
            ["request_id": .string(present?.id.value ?? ""), "error": .string(String(describing: error))])
        stream.close()
        mayContinue = false
    }

    /// A response of which a field was refused, or which is none, is not sent (H12).
    private func isUnfit(_ response: HTTPResponse) -> Bool {
        response.fields.hasRefusedField || response.status.code < 200
    }

    private func withheld(id: RequestID) -> HTTPResponse {
        context.logger.error(
            "a response was withheld: it has a header field that cannot be sent",
            ["request_id": .string(id.value)])
        return .text(.internalServerError, "The answer could not be sent.")
    }

    private func framing(of response: HTTPResponse, isHTTP11: Bool) -> ResponseHead.Framing {
        if response.status.forbidsContent { return .none }
        switch response.body {
        case .none: return .length(0)
        case .bytes(let bytes): return .length(bytes.count)
        case .stream: return isHTTP11 ? .chunked : .untilClose
        }
    }

    /// Writes the content of a stream. It may last for hours: its connection keeps nothing for a next response meanwhile,
    /// and nothing for a next request.
    func stream(_ response: StreamedResponse) async {
        output = []
        reader.settleDown()
        let sink = ResponseSink(stream, isChunked: response.isChunked)
        do {
            try await response.writeContent(HTTPBodyWriter(sink))
            try await sink.finish()
        } catch {
            cut(because: error)
        }
        unlogged?.bytes = sink.count
    }
}

/// A response whose head is written and whose content comes piece by piece.
struct StreamedResponse: Sendable {
    let isChunked: Bool
    let writeContent: @Sendable (HTTPBodyWriter) async throws -> Void
}

/// Puts pieces of content on the wire.
private final class ResponseSink: HTTPBodySink {
    private let stream: ByteStream
    private let isChunked: Bool
    private var isFinished = false
    private var output: [UInt8] = []
    /// Bytes of content so far.
    private(set) var count = 0

    init(_ stream: ByteStream, isChunked: Bool) {
        self.stream = stream
        self.isChunked = isChunked
    }

    func write(_ bytes: [UInt8]) async throws(IOError) {
        // A writer that outlives its response must not write into the next one.
        if isFinished { throw .closed }
        count += bytes.count
        guard isChunked else { return try await stream.write(bytes) }
        output.removeAll(keepingCapacity: output.capacity <= 65_536)
        ResponseHead.append(chunkSize: bytes.count, to: &output)
        output += bytes
        ResponseHead.append("\r\n", to: &output)
        try await stream.write(output)
    }

    func isPeerSilent(since instant: LoopInstant) -> Bool { stream.isPeerSilent(since: instant) }

    func finish() async throws(IOError) {
        isFinished = true
        if isChunked { try await stream.write(Array("0\r\n\r\n".utf8)) }
    }
}
