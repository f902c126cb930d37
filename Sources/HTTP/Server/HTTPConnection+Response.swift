import AsyncIO
import Telemetry

extension HTTPConnection {
    /// A body up to this size goes out in one piece with its head.
    private static let joinLimit = 65_536
    /// The most that a connection keeps for its next response.
    private static let keptCapacity = 16_384

    /// Writes the answer; whether the connection may stay. `head` is nil for the answer to something that was none.
    func write(_ response: HTTPResponse, to head: AdmittedHead?, id: RequestID?) async -> Bool {
        let response = checked(response, id: id)
        HTTPMetrics.count(response.status)
        log(response, to: head, id: id)
        let mayStay = head.map { $0.wantsKeepAlive && !isDraining && reader.mayKeepConnection(after: $0) } ?? false
        let isHTTP11 = head?.isHTTP11 ?? true
        let framing = framing(of: response, isHTTP11: isHTTP11)
        let keepsAlive = mayStay && framing != .untilClose
        output.removeAll(keepingCapacity: output.capacity <= Self.keptCapacity)
        ResponseHead(
            status: response.status, fields: response.fields, framing: framing, keepsAlive: keepsAlive,
            isHTTP11: isHTTP11
        ).write(to: &output, date: date.current(at: stream.loop.now))
        let hasContent = head?.method != .head && !response.status.forbidsContent
        do {
            switch response.body {
            case .stream(let writeContent) where hasContent:
                try await stream(writeContent, isChunked: framing == .chunked)
            case .bytes(let bytes) where hasContent: try await writeOutput(and: bytes)
            default: try await stream.write(output)
            }
        } catch {
            // Cut, so that the client sees that something is missing.
            context.logger.debug("response not finished", ["error": .string(String(describing: error))])
            stream.close()
            return false
        }
        return keepsAlive
    }

    /// The one line about a request, without query and fields.
    private func log(_ response: HTTPResponse, to head: AdmittedHead?, id: RequestID?) {
        guard let head, let id else { return }
        context.logger.debug(
            "request answered",
            [
                "request_id": .string(id.value), "method": .string(head.method.rawValue),
                "path": .string(head.target.path), "status": .integer(response.status.code),
            ])
    }

    /// A response of which a field was refused, or which is none, is not sent (H12).
    private func checked(_ response: HTTPResponse, id: RequestID?) -> HTTPResponse {
        guard response.fields.hasRefusedField || response.status.code < 200 else { return response }
        context.logger.error(
            "a response was withheld: it has a header field that cannot be sent",
            ["request_id": .string(id?.value ?? "")])
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

    private func writeOutput(and bytes: [UInt8]) async throws(IOError) {
        if bytes.count <= Self.joinLimit {
            output += bytes
            try await stream.write(output)
            if output.capacity > Self.keptCapacity { output = [] }
        } else {
            try await stream.write(output)
            try await stream.write(bytes)
        }
    }

    private func stream(
        _ writeContent: @Sendable (HTTPBodyWriter) async throws -> Void, isChunked: Bool
    ) async throws {
        // The head goes at once: a stream may have nothing to say for long.
        try await stream.write(output)
        // It may also last for hours: its connection then keeps nothing for a next response.
        output = []
        let sink = ResponseSink(stream, isChunked: isChunked)
        try await writeContent(HTTPBodyWriter(sink))
        try await sink.finish()
    }
}

/// Puts pieces of content on the wire.
private final class ResponseSink: HTTPBodySink {
    private let stream: ByteStream
    private let isChunked: Bool
    private var isFinished = false
    private var output: [UInt8] = []

    init(_ stream: ByteStream, isChunked: Bool) {
        self.stream = stream
        self.isChunked = isChunked
    }

    func write(_ bytes: [UInt8]) async throws(IOError) {
        // A writer that outlives its response must not write into the next one.
        if isFinished { throw .closed }
        guard isChunked else { return try await stream.write(bytes) }
        output.removeAll(keepingCapacity: output.capacity <= 65_536)
        ResponseHead.append(chunkSize: bytes.count, to: &output)
        output += bytes
        ResponseHead.append("\r\n", to: &output)
        try await stream.write(output)
    }

    func finish() async throws(IOError) {
        isFinished = true
        if isChunked { try await stream.write(Array("0\r\n\r\n".utf8)) }
    }
}
