import HTTP
import JSON

// The transport of 2024-11-05: a stream at the address itself, and another address for messages.
extension Examination {
    /// Where messages go, and where their answers come.
    struct Channel {
        let stream: EventChannel
        let place: HTTPURL
    }

    /// Whether the server has this transport at its address, with a login or without.
    mutating func openEvents() async -> Opening? {
        let observation = await prober.observe(Self.events(page(Probe(url: endpoint))))
        guard let answer = observation.answer else { return nil }
        if answer.status == 401 {
            usesEvents = true
            return await challenged(answer, observation)
        }
        guard answer.isSuccess, answer.isEventStream else { return nil }
        usesEvents = true
        report(.warning, "\(observation.text), the transport of 2024-11-05 without a login", "serve Streamable HTTP")
        return .open
    }

    /// Opens the stream and learns where messages go; what is in the way is reported.
    mutating func openChannel() async -> Channel? {
        let (observation, stream) = await prober.open(Self.events(authorized(Probe(url: endpoint))))
        guard let stream else {
            if case .failure(let error) = observation.result {
                report(failed: error, observation)
            } else {
                report(.failed, "\(observation.text) for the event stream", "answer with text/event-stream")
            }
            return nil
        }
        guard let text = await stream.place() else {
            report(
                .failed, "\(observation.text), and its first event is not \"endpoint\"",
                "send the address for messages first, as the event \"endpoint\" (2024-11-05)")
            return nil
        }
        // Whoever sends the token elsewhere gives it away.
        let url = try? HTTPURL(text.hasPrefix("/") ? endpoint.origin + text : text)
        guard let url, url.origin.utf8.elementsEqual(endpoint.origin.utf8) else {
            report(
                .failed, "\(observation.text), and the event \"endpoint\" says \(text.prefix(200))",
                "name an address of \(endpoint.origin): clients refuse any other; behind a proxy, set the public address"
            )
            return nil
        }
        report(.passed, "\(observation.text), messages go to \(url.path)")
        return Channel(stream: stream, place: url)
    }

    private static func events(_ probe: Probe) -> Probe { probe.adding("Accept", "text/event-stream") }
}
