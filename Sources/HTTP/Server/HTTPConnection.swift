import AsyncIO
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
    /// Reused for every response.
    var output: [UInt8] = []
    var date: HTTPDateField
    private let loop: EventLoop
    private let remoteAddress: SocketAddress
    private let localAddress: SocketAddress
    private let idBase: UInt64
    private var requestCount: UInt32 = 0

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    init(_ stream: sending ByteStream, context: Context) {
        let unknown = SocketAddress.unix(path: "")
        loop = stream.loop
        remoteAddress = stream.remoteAddress ?? unknown
        localAddress = stream.localAddress ?? unknown
        reader = RequestReader(stream, context.configuration)
        date = HTTPDateField(clock: context.clock)
        var generator = SystemRandomNumberGenerator()
        idBase = generator.next()
        self.context = context
        self.stream = stream
    }

    /// The life of the connection. `onPeerClosed` is called when the client goes away while a request is answered.
    func run(onPeerClosed: @escaping @Sendable () -> Void) async {
        stream.writeTimeout = context.configuration.writeTimeout
        stream.onPeerClosed = onPeerClosed
        do throws(HTTPRefusal) {
            while let head = try await reader.nextHead() {
                let request = makeRequest(head)
                let body = HTTPRequestBody(declaredLength: head.declaredLength, source: reader)
                let response = await context.responder.respond(to: request, body: body)
                body.detach()
                // Broken content is answered by the refusal, whatever the handler made of it.
                if let refusal = reader.refusal { throw refusal }
                let keepsAlive = await write(response, to: head, id: request.id)
                // A stream said that the connection stays open before the drain began.
                guard keepsAlive, !isDraining, await reader.discardContent() else { break }
            }
            await close()
        } catch {
            await refuse(error)
        }
    }

    /// From now on the connection ends with the present answer; at once when there is none.
    func drain() {
        isDraining = true
        if reader.isIdle { stream.close() }
    }

    /// Cuts the connection.
    func abort() {
        stream.close()
    }

    private func makeRequest(_ head: AdmittedHead) -> HTTPRequest {
        requestCount &+= 1
        return HTTPRequest(
            method: head.method, path: head.target.path, query: head.target.query, fields: head.fields,
            remoteAddress: remoteAddress, localAddress: localAddress, authority: head.authority,
            scheme: context.configuration.scheme, id: RequestID(high: idBase, low: requestCount))
    }

    private func close() async {
        if reader.hasUnreadInput, !stream.isClosed {
            await stream.close(lingering: context.configuration.lingerTimeout)
        } else {
            stream.close()
        }
    }

    /// The one answer to what cannot be a request; nothing after it is parsed.
    private func refuse(_ refusal: HTTPRefusal) async {
        HTTPMetrics.refused.increment()
        context.logger.debug(
            "request refused", ["status": .integer(refusal.status.code), "reason": .string(refusal.reason)])
        let response = HTTPResponse.text(refusal.status, refusal.reason)
        _ = await write(response, to: nil, id: nil)
        await stream.close(lingering: context.configuration.lingerTimeout)
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
