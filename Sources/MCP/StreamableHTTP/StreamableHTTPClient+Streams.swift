import AsyncIO
import HTTP
import JSON
import Telemetry

/// Where a stream of events broke off.
struct StreamPosition {
    var lastEvent: String?
    /// What the server asked for, in milliseconds.
    var retry: Int?
}

// Streams of events, and the end of a session.
extension StreamableHTTPClient {
    private static let defaultRetry = 1000
    private static let longestRetry = 30_000

    /// Hands every message of `response` to `take` until `message` is answered. A stream that ends before is resumed
    /// where the server numbered its events (c54).
    func read(
        _ response: HTTPClientResponse, until message: JSONRPCMessage,
        _ take: (_ text: [UInt8]) async -> Void
    ) async throws(ExchangeFailure) {
        guard response.isEventStream else { return try await readSingle(response, message, take) }
        var position = StreamPosition()
        if await follow(response, until: message, &position, take) || message.kind != .request { return }
        var attempts = 0
        while position.lastEvent != nil, session != nil, attempts < settings.resumptions, !Task.isCancelled {
            attempts += 1
            let last = position.lastEvent
            if let retry = position.retry { await pause(retry) } else { await pause(settings.resumptionDelay) }
            guard let next = try? await openStream(after: last), next.isEventStream else { continue }
            if await follow(next, until: message, &position, take) { return }
            // A server may let its client come back as often as it likes (2025-11-25).
            if position.lastEvent != last { attempts = 0 }
        }
        throw ExchangeFailure(.cut, "The connection broke before the answer")
    }

    private func readSingle(
        _ response: HTTPClientResponse, _ message: JSONRPCMessage, _ take: (_ text: [UInt8]) async -> Void
    ) async throws(ExchangeFailure) {
        let bytes: [UInt8]
        do throws(HTTPClientError) {
            bytes = try await response.body.collect(upTo: settings.maximumMessage)
        } catch {
            throw ExchangeFailure(.cut, "The answer broke off: \(error)")
        }
        if bytes.isEmpty, message.kind != .request { return }
        guard let document = try? JSONDocument(parsing: bytes) else {
            throw ExchangeFailure(.unreadable, "\(endpoint.origin) answered something that is not JSON")
        }
        let messages = document.root.isArray ? Array(document.root.elements) : [document.root]
        var isAnswered = message.kind != .request
        for element in messages {
            await take(JSONText.compacted(element))
            isAnswered = isAnswered || Self.answers(element, message.exactID)
        }
        if isAnswered { return }
        // A server that read no id off the request may say what is wrong with it all the same, as some do with other statuses.
        if let id = message.exactID, messages.count == 1, let error = document.root["error"], error.isObject,
            document.root["id"]?.isNull ?? true
        {
            return await take(Self.refusal(id, error))
        }
        throw ExchangeFailure(.unreadable, "\(endpoint.origin) answered something else than what it was asked")
    }

    /// Whether `node` is the answer to the request with this id.
    private static func answers(_ node: JSONNode, _ id: JSONRPCID?) -> Bool {
        id != nil && node["method"] == nil && node["id"].flatMap { JSONRPCID($0) } == id
    }

    /// A server's error as the answer to the request that it is about.
    static func refusal(_ id: JSONRPCID, _ error: JSONNode) -> [UInt8] {
        Array("{\"jsonrpc\":\"2.0\",\"id\":".utf8) + id.text + Array(",\"error\":".utf8) + JSONText.compacted(error)
            + [UInt8(ascii: "}")]
    }

    /// Hands on what a stream brings; true as soon as `message` is answered.
    private func follow(
        _ response: HTTPClientResponse, until message: JSONRPCMessage?, _ position: inout StreamPosition,
        _ take: (_ text: [UInt8]) async -> Void
    ) async -> Bool {
        var parser = ServerSentEventParser(maximumBytes: settings.maximumMessage)
        let wanted = message?.exactID
        // Whatever breaks a stream, what follows is the same: it ended here.
        while let bytes = try? await response.body.next() {
            guard let events = try? parser.feed(bytes) else { return false }
            position.lastEvent = parser.lastEventID ?? position.lastEvent
            position.retry = parser.reconnectionTime ?? position.retry
            for event in events where !event.data.isEmpty && (event.event ?? "message") == "message" {
                guard let document = try? JSONDocument(parsing: event.data) else { continue }
                await take(JSONText.compacted(document))
                if Self.answers(document.root, wanted) { return true }
            }
        }
        return false
    }

    /// The general stream of a legacy session: opened again whenever it ends, until the session does.
    func followGeneralStream() async {
        var position = StreamPosition()
        var failures = 0
        var wasOpen = false
        let number = sessionNumber
        while !Task.isCancelled, !isClosed {
            let response = try? await openStream(after: position.lastEvent)
            switch response?.status.code ?? 503 {
            case 200:
                guard let response, response.isEventStream else { return announcesNothing() }
                failures = 0
                wasOpen = true
                hasGeneralStream = true
                _ = await follow(response, until: nil, &position) { text in
                    guard admits(try? JSONDocument(parsing: text), of: number) else { return }
                    await deliver(text)
                }
            // Away for a while.
            case 429, 500...599: break
            case 404 where wasOpen && session != nil:
                // The session is gone, and who only listens would never notice.
                if renewal == nil { renewSession() }
                return
            // There is none, or not for us: the next request finds out.
            default: return announcesNothing()
            }
            failures += 1
            await pause(position.retry ?? min(Self.defaultRetry << min(failures, 5), Self.longestRetry))
        }
    }

    /// The server has no such stream (405), so it cannot say that its lists have changed, whatever it promised.
    private func announcesNothing() {
        // Cancelled: another session has begun, which finds out for itself.
        guard !Task.isCancelled else { return }
        hasGeneralStream = false
        lists.hearsNothing()
    }

    /// Whether the server can say what it was not asked for; waits until it has said so, `limit` at most.
    package func hasGeneralStream(within limit: Duration) async -> Bool {
        let deadline = EventLoop.preciseNow + limit
        while hasGeneralStream == nil, !isClosed, EventLoop.preciseNow < deadline {
            // Cancelled: nobody wants to know any more.
            do { try await loop.sleep(for: .milliseconds(10)) } catch { break }
        }
        return hasGeneralStream ?? true
    }

    private func openStream(after event: String?) async throws(ExchangeFailure) -> HTTPClientResponse {
        var fields = try await commonFields()
        fields.append("Accept", "text/event-stream")
        if let event { fields.append("Last-Event-ID", event) }
        return try await send(HTTPClientRequest(method: .get, url: endpoint, fields: fields))
    }

    private func pause(_ milliseconds: Int) async {
        await pause(.milliseconds(min(max(milliseconds, 10), Self.longestRetry)))
    }

    private func pause(_ time: Duration) async {
        // Cancelled: the loops around it look for that.
        try? await loop.sleep(for: time)
    }

    /// Tells the server that the session is over; whether it listens does not matter.
    func endSession() async {
        guard session != nil, let fields = try? await commonFields() else { return }
        session = nil
        _ = try? await send(
            HTTPClientRequest(method: .delete, url: endpoint, fields: fields, timeout: settings.farewellTimeout))
    }
}
