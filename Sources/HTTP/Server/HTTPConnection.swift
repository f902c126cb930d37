import AsyncIO
import Crypto
import Telemetry

/// One connection: reads a request, has it answered, writes the answer, and again.
///
/// An actor on its loop: socket, parser and handler meet without a hop.
actor HTTPConnection {
    /// What all connections of a server share.
    struct Context: Sendable {
        let configuration: HTTPServerConfiguration
        let responder: any HTTPResponder
        let logger: Logger
        let clock: WallClock
    }

    let context: Context
    let stream: ByteStream
    let reader: RequestReader
    var isDraining = false
    /// Whether another request may come.
    var mayContinue = true
    /// Reused for every response.
    var output: [UInt8] = []
    var date: HTTPDateField
    let loop: EventLoop
    private let remoteAddress: SocketAddress
    private let localAddress: SocketAddress
    private let scheme: HTTPURL.Scheme
    /// The handshake that this connection begins with; nil in the clear and afterwards.
    var pendingTLS: ServedTLS?
    /// Told before the task is cancelled.
    private let departure: ClientDeparture
    private let idBase: UInt64
    private var requestCount: UInt32 = 0

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    init(_ stream: sending ByteStream, context: Context, tls: ServedTLS?) {
        let unknown = SocketAddress.unix(path: "")
        loop = stream.loop
        departure = ClientDeparture(on: stream.loop)
        remoteAddress = stream.remoteAddress ?? unknown
        localAddress = stream.localAddress ?? unknown
        reader = RequestReader(stream, context.configuration)
        date = HTTPDateField(clock: context.clock)
        var generator = SystemRandomNumberGenerator()
        idBase = generator.next()
        scheme = tls == nil ? context.configuration.scheme : .https
        pendingTLS = tls
        self.context = context
        self.stream = stream
    }

    /// Call it once, first. `onPeerClosed` is called when the client goes away while a request is answered.
    func begin(onPeerClosed: @escaping @Sendable () -> Void) {
        stream.writeTimeout = context.configuration.writeTimeout
        stream.onPeerClosed = { [departure] in
            departure.happen()
            onPeerClosed()
        }
    }

    /// Answers requests until the connection ends: then nil; or until a response is a stream: then that, to be finished by
    /// ``finish(_:)`` before this is called again.
    func run() async -> StreamedResponse? {
        if let tls = pendingTLS, await !secure(by: tls) { return nil }
        do throws(HTTPRefusal) {
            while mayContinue, let head = try await reader.nextHead() {
                requestCount &+= 1
                let request = AnsweredRequest(head, id: RequestID(high: idBase, low: requestCount))
                let response: HTTPResponse
                do {
                    // What the handler says. Nothing of the request outlives this.
                    let body = HTTPRequestBody(declaredLength: head.declaredLength, source: reader)
                    defer { body.detach() }
                    var asked = makeRequest(consume head, request.id)
                    let responder = context.responder.last(for: &asked)
                    response = await responder.respond(to: asked, body: body)
                }
                reader.giveBackRoom()
                // Broken content is answered by the refusal, whatever the handler made of it.
                if let refusal = reader.refusal { throw refusal }
                if let rest = begin(response, to: request), let stream = await complete(rest) { return stream }
                if mayContinue { await settle() }
                if mayContinue, reader.hasNextRequest { await giveWay() }
            }
            await close()
        } catch {
            await refuse(error)
        }
        return nil
    }

    /// Writes the content of a response whose head is written.
    func finish(_ response: StreamedResponse) async {
        await stream(response)
        if mayContinue { await settle() }
    }

    /// After a response: whether there can be another request. A response may have said that the connection stays open
    /// before the drain began.
    private func settle() async {
        mayContinue = !isDraining
        if mayContinue { mayContinue = await reader.discardContent() }
    }

    /// The next request lies here already: first come those of others that wait, and what has come meanwhile. Who sends many
    /// at once gets one answer in each turn of the loop.
    private func giveWay() async {
        await loop.nextTurn()
        mayContinue = !isDraining
    }

    /// From now on the connection ends with the present answer, or with that to the next request. True when there is no present one.
    func drain() -> Bool {
        isDraining = true
        return reader.isIdle || requestCount == 0
    }

    /// Closes a connection on which nothing has come.
    func endRest() {
        if reader.isIdle { stream.close() }
    }

    /// Cuts the connection.
    func abort() {
        departure.happen()
        stream.close()
    }

    private func makeRequest(_ head: AdmittedHead, _ id: RequestID) -> HTTPRequest {
        if var request = head.request {
            request.id = id
            return request
        }
        let request = HTTPRequest(
            HTTPRequest.Parts(
                method: head.method, path: head.target.path, query: head.target.query, fields: head.fields,
                remoteAddress: remoteAddress, localAddress: localAddress, authority: head.authority, scheme: scheme,
                memory: head.memory, departure: departure),
            id: id)
        if head.memory != nil { head.request = request }
        return request
    }

    private func close() async {
        if reader.hasUnreadInput, !stream.isClosed {
            await stream.close(lingering: context.configuration.lingerTimeout)
        } else {
            stream.close()
        }
    }

    /// The one answer to what cannot be a request; nothing after it is parsed.
    func refuse(_ refusal: HTTPRefusal) async {
        HTTPMetrics.refused.increment()
        context.logger.debug(
            "request refused", ["status": .integer(refusal.status.code), "reason": .string(refusal.reason)])
        let response = HTTPResponse.text(refusal.status, refusal.reason)
        if let rest = begin(response, to: nil) { _ = await complete(rest) }
        await stream.close(lingering: context.configuration.lingerTimeout)
    }
}

/// What a response needs to know of its request: without the fields, which it would keep for as long as it lasts.
struct AnsweredRequest {
    let id: RequestID
    let method: HTTPMethod
    let path: String
    let framing: AdmittedHead.Framing
    let isHTTP11: Bool
    let wantsKeepAlive: Bool

    init(_ head: AdmittedHead, id: RequestID) {
        self.id = id
        method = head.method
        path = head.target.path
        framing = head.framing
        isHTTP11 = head.isHTTP11
        wantsKeepAlive = head.wantsKeepAlive
    }
}

extension AdmittedHead {
    /// The announced length of the content; nil when it is chunked.
    var declaredLength: Int? {
        switch framing {
        case .none: 0
        case .length(let count): count
        case .chunked: nil
        }
    }
}
