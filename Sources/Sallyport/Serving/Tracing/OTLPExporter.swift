import AsyncIO
import Crypto
import Gateway
import HTTP
import JSON
import Telemetry

/// Sends finished spans to a collector: OTLP/HTTP 1.x with JSON.
struct OTLPExporter: Sendable {
    private static let batch = 512
    /// How often a batch is tried that the collector could take later.
    private static let attempts = 5
    /// For what waits when the gateway stops.
    private static let farewell = Duration.seconds(2)

    private let settings: TracingSettings
    private let spans: SpanBuffer
    private let client: HTTPClient
    /// Between batches.
    private let interval: Duration
    /// Between the first two attempts; the others are further and further apart.
    private let pause: Duration
    private let logger = Logger(label: "tracing")

    /// Sends what `spans` holds, from `loop`.
    init(
        _ settings: TracingSettings, _ spans: SpanBuffer, on loop: EventLoop, every interval: Duration = .seconds(1),
        pausing pause: Duration = .seconds(1)
    ) {
        self.settings = settings
        self.spans = spans
        self.interval = interval
        self.pause = pause
        client = HTTPClient(on: loop, policy: .configured)
    }

    /// Sends until the task is cancelled.
    func run(on loop: EventLoop) async {
        var isFailing = false
        while (try? await loop.sleep(for: interval)) != nil {
            while case let waiting = spans.take(Self.batch), !waiting.isEmpty {
                let problem = await deliver(waiting, on: loop)
                guard !Task.isCancelled else { return }
                if let problem, !isFailing {
                    logger.warning(
                        "the collector takes no spans",
                        ["endpoint": .string(settings.endpoint.origin), "reason": .string(problem)])
                }
                if problem == nil, isFailing { logger.notice("the collector takes spans again") }
                isFailing = problem != nil
            }
        }
    }

    /// Sends what waits, once.
    func flush() async {
        while case let waiting = spans.take(Self.batch), !waiting.isEmpty {
            if await send(OTLPText.traces(waiting), within: Self.farewell) != .taken {
                return spans.drop(waiting.count)
            }
        }
    }

    private enum Outcome: Equatable {
        case taken
        case refused(String)
        case later(String)
    }

    /// Nil where they were taken, else why they are lost.
    private func deliver(_ waiting: [TraceSpan], on loop: EventLoop) async -> String? {
        let text = OTLPText.traces(waiting)
        var reason = ""
        for attempt in 0..<Self.attempts {
            if attempt > 0 {
                // Cancelled: the gateway stops, and the rest is the farewell's.
                guard (try? await loop.sleep(for: pause * (1 << (attempt - 1)))) != nil else {
                    spans.putBack(waiting)
                    return nil
                }
            }
            switch await send(text, within: .seconds(10)) {
            case .taken: return nil
            case .refused(let words):
                spans.drop(waiting.count)
                return words
            case .later(let words): reason = words
            }
        }
        spans.drop(waiting.count)
        return reason
    }

    private func send(_ text: [UInt8], within limit: Duration) async -> Outcome {
        var fields: HTTPFields = ["Content-Type": "application/json", "User-Agent": "sallyport"]
        for field in settings.headers {
            fields.append(field.name, field.value.withBytes { String(decoding: $0, as: UTF8.self) })
        }
        let request = HTTPClientRequest(
            method: .post, url: settings.endpoint, fields: fields, body: .bytes(text), timeout: limit)
        do throws(HTTPClientError) {
            let response = try await client.send(request)
            _ = try await response.body.collect(upTo: 1 << 20)
            switch response.status.code {
            case 200..<300: return .taken
            case 429, 502, 503, 504: return .later("\(response.status)")
            default: return .refused("\(response.status)")
            }
        } catch {
            return .later(error.description)
        }
    }
}

/// `ExportTraceServiceRequest` in the JSON of OTLP: ids in hexadecimal, 64-bit numbers as text.
enum OTLPText {
    /// The request for `spans`.
    static func traces(_ spans: [TraceSpan]) -> [UInt8] {
        let scope: JSONValue = [
            "scope": ["name": "sallyport", "version": .string(Version.text)], "spans": .array(spans.map(span)),
        ]
        let resource: JSONValue = [
            "attributes": .array([
                attribute("service.name", .string("sallyport")), attribute("service.version", .string(Version.text)),
            ])
        ]
        let request: JSONValue = ["resourceSpans": [["resource": resource, "scopeSpans": [scope]]]]
        return request.serialized()
    }

    private static func span(_ span: TraceSpan) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("traceId", .string(span.context.traceID)), .init("spanId", .string(span.context.parentID)),
        ]
        if let parent = span.parentID { members.append(.init("parentSpanId", .string(parent))) }
        members += [
            .init("name", .string(span.name)), .init("kind", .integer(Int64(span.kind.rawValue))),
            .init("startTimeUnixNano", .string(String(span.start))),
            .init("endTimeUnixNano", .string(String(span.end))),
        ]
        var attributes = span.attributes.map { attribute($0.key, $0.value) }
        if let error = span.error {
            attributes.append(attribute("error.type", .string(error)))
            members.append(.init("status", ["code": 2]))
        }
        members.append(.init("attributes", .array(attributes)))
        return .object(members)
    }

    private static func attribute(_ key: String, _ value: TraceSpan.Value) -> JSONValue {
        let value: JSONValue =
            switch value {
            case .string(let text): ["stringValue": .string(text)]
            case .integer(let number): ["intValue": .string(String(number))]
            }
        return ["key": .string(key), "value": value]
    }
}
