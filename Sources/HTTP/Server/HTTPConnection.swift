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
        let access: Logger
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
    let account = RequestAccount()
    /// The request that is being answered.
    private(set) var present: AnsweredRequest?
    /// What the access log will say when the answer has gone.
    var unlogged: UnloggedAnswer?

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
                let request = AnsweredRequest(head, id: nextID(), began: beginAccount())
                present = request
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
                noteAnswered()
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
        noteAnswered()
        if mayContinue { await settle() }
    }

    private func nextID() -> RequestID {
        requestCount &+= 1
        return RequestID(high: idBase, low: requestCount)
    }

    /// When the request began, where the access log is written.
    private func beginAccount() -> LoopInstant? {
        let isKept = context.access.isEnabled(.info)
        account.begin(isKept: isKept)
        return isKept ? EventLoop.preciseNow : nil
    }

    /// The answer has gone, or the connection has.
    private func noteAnswered() {
        present = nil
        guard let answer = unlogged else { return }
        unlogged = nil
        context.access.access(answer.record(account, peer: remoteAddress))
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
                memory: head.memory, departure: departure, account: account),
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
        // What cannot be read has a name as well: its client is told it.
        let began = present == nil ? beginAccount() : present?.began
        let id = present?.id ?? nextID()
        context.logger.debug(
            "request refused",
            [
                "request_id": .string(id.value), "status": .integer(refusal.status.code),
                "reason": .string(refusal.reason),
            ])
        let response = HTTPResponse.text(refusal.status, refusal.reason)
        let rest = begin(response, to: nil, id: id)
        if let began { unlogged = UnloggedAnswer(response, to: present, id: id, began: began) }
        if let rest { _ = await complete(rest) }
        noteAnswered()
        await stream.close(lingering: context.configuration.lingerTimeout)
    }
}

/// What a response needs to know of its request: without the fields, which it would keep for as long as it lasts.
struct AnsweredRequest {
    let id: RequestID
    /// Nil where there is no access log.
    let began: LoopInstant?
    let method: HTTPMethod
    let path: String
    let framing: AdmittedHead.Framing
    let isHTTP11: Bool
    let wantsKeepAlive: Bool

    init(_ head: AdmittedHead, id: RequestID, began: LoopInstant?) {
        self.id = id
        self.began = began
        method = head.method
        path = head.target.path
        framing = head.framing
        isHTTP11 = head.isHTTP11
        wantsKeepAlive = head.wantsKeepAlive
    }
}

/// An answer that has begun and is not in the access log.
struct UnloggedAnswer {
    let id: RequestID
    let target: (method: String, path: String)?
    let status: Int
    let began: LoopInstant
    /// Of its content.
    var bytes = 0

    init(_ response: HTTPResponse, to request: AnsweredRequest?, id: RequestID, began: LoopInstant) {
        self.id = id
        target = request.map { ($0.method.rawValue, $0.path) }
        status = response.status.code
        self.began = began
        if request?.method != .head, !response.status.forbidsContent, case .bytes(let content) = response.body {
            bytes = content.count
        }
    }

    func record(_ account: RequestAccount, peer: SocketAddress) -> AccessRecord {
        AccessRecord(
            requestID: id, target: target, status: status, duration: EventLoop.preciseNow - began, bytes: bytes,
            remoteAddress: account.remoteAddress ?? peer.description, details: account.details)
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
