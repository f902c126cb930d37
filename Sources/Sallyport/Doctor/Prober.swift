import AsyncIO
import HTTP
import JSON

/// Sends probes and remembers what came of them: what several clients ask alike is asked once.
actor Prober {
    private static let limits = JSONLimits(maximumDepth: 64, maximumBytes: 4 << 20, maximumValues: 1 << 18)

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    private let home: HTTPURL
    /// For the address that the person named.
    private let client: HTTPClient
    /// For what documents name, unless the server is inside itself: it must not lead us about the network that we are in.
    private let publicClient: HTTPClient
    private var isHomePublic: Bool?
    private var observations: [Probe: Observation] = [:]
    private var leftovers: [Probe] = []

    /// `home` is the server that is examined; `patience` is for each exchange.
    init(_ home: HTTPURL, on loop: EventLoop, patience: Duration) {
        self.home = home
        self.loop = loop
        client = HTTPClient(
            on: loop,
            policy: EgressPolicy(
                addresses: .any, allowsPlainHTTP: true, maximumBodyBytes: Self.limits.maximumBytes,
                connectTimeout: min(patience, .seconds(10)), totalTimeout: patience))
        publicClient = HTTPClient(
            on: loop,
            policy: EgressPolicy(
                addresses: .publicOnly, allowsPlainHTTP: true, maximumBodyBytes: Self.limits.maximumBytes,
                connectTimeout: min(patience, .seconds(10)), totalTimeout: patience))
    }

    /// What comes of `probe`, asked at most once.
    func observe(_ probe: Probe) async -> Observation {
        if let known = observations[probe] { return known }
        let observation = await send(probe)
        observations[probe] = observation
        return observation
    }

    /// What comes of `probe`, asked again each time: it begins or ends something.
    func send(_ probe: Probe) async -> Observation {
        Observation(probe: probe, result: await result(of: probe, await client(for: probe)))
    }

    /// The same where the answer to the request `id` comes by a stream.
    func send(_ probe: Probe, over stream: EventChannel?, awaiting id: Int64) async -> Observation {
        let sent = await send(probe)
        guard let stream, let answer = sent.answer, answer.isSuccess, answer.root?["result"] == nil else { return sent }
        let root = await stream.answer(to: id)
        return Observation(
            probe: probe,
            result: .success(
                Observation.Answer(status: answer.status, fields: answer.fields, root: root, time: answer.time)))
    }

    /// Asks for a stream, and keeps it open; nil where there is none.
    func open(_ probe: Probe) async -> (Observation, EventChannel?) {
        let began = EventLoop.preciseNow
        do throws(HTTPClientError) {
            let response = try await client(for: probe).send(Self.request(of: probe))
            let answer = Observation.Answer(
                status: response.status.code, fields: response.fields, root: nil, time: EventLoop.preciseNow - began)
            let stream = EventChannel(response.body, limits: Self.limits, on: loop)
            return (
                Observation(probe: probe, result: .success(answer)),
                answer.isSuccess && answer.isEventStream ? stream : nil
            )
        } catch {
            return (Observation(probe: probe, result: .failure(error)), nil)
        }
    }

    private func client(for probe: Probe) async -> HTTPClient {
        let isOwn = probe.url.origin.utf8.elementsEqual(home.origin.utf8)
        // Where it cannot be told where the server is, nothing of it is reached either.
        let isBound = isOwn ? false : await isPublic() == true
        return isBound ? publicClient : client
    }

    /// Remembers what has to be sent in the end, to leave nothing behind.
    func finally(_ probe: Probe) { leftovers.append(probe) }

    /// Removes what the probes made.
    func cleanUp() async {
        let last = leftovers
        leftovers = []
        for probe in last { _ = await send(probe) }
    }

    /// Whether the server is at an address that the internet reaches; nil where that cannot be told.
    func isPublic() async -> Bool? {
        if let isHomePublic { return isHomePublic }
        if home.host.isThisMachine {
            isHomePublic = false
        } else {
            switch await result(of: Probe(url: home), publicClient) {
            case .success: isHomePublic = true
            case .failure(let error): isHomePublic = error.code == .refused ? false : nil
            }
        }
        return isHomePublic
    }

    private static func request(of probe: Probe) -> HTTPClientRequest {
        var fields = HTTPFields()
        for field in probe.fields {
            if let name = HTTPFieldName(validating: field.name) { fields.append(name, field.value) }
        }
        if !fields.contains("user-agent") { fields.append("User-Agent", "sallyport-doctor") }
        return HTTPClientRequest(
            method: probe.method, url: probe.url, fields: fields,
            body: probe.body.isEmpty ? .none : .bytes(probe.body))
    }

    private func result(of probe: Probe, _ client: HTTPClient) async -> Result<Observation.Answer, HTTPClientError> {
        let began = EventLoop.preciseNow
        do throws(HTTPClientError) {
            let response = try await client.send(Self.request(of: probe))
            let root = try await content(of: response, isStream: probe.method == .get)
            return .success(
                Observation.Answer(
                    status: response.status.code, fields: response.fields, root: root,
                    time: EventLoop.preciseNow - began))
        } catch {
            return .failure(error)
        }
    }

    /// Of a stream of events the first response in it, and of one that answers a GET nothing: it has no end.
    private func content(
        of response: HTTPClientResponse, isStream: Bool
    ) async throws(HTTPClientError) -> JSONNode? {
        let type = response.fields["content-type"]?.lowercased() ?? ""
        guard type.hasPrefix("text/event-stream") else {
            let bytes = try await response.body.collect(upTo: Self.limits.maximumBytes)
            return try? JSONDocument(parsing: bytes, limits: Self.limits).root
        }
        guard !isStream else { return nil }
        var parser = ServerSentEventParser(maximumBytes: Self.limits.maximumBytes)
        while let part = try await response.body.next() {
            guard let events = try? parser.feed(part) else { return nil }
            for event in events {
                let root = try? JSONDocument(parsing: event.data, limits: Self.limits).root
                if let root, root.contains("result") || root.contains("error") { return root }
            }
        }
        return nil
    }
}
