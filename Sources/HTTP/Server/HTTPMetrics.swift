import Telemetry

/// What the server counts.
enum HTTPMetrics {
    static let connections = MetricsRegistry.shared.gauge(
        "sallyport_http_connections", help: "Open client connections.")
    static let refused = MetricsRegistry.shared.counter(
        "sallyport_http_refused_total", help: "Requests refused before a handler saw them.")
    private static let byClass = (0..<5).map { index in
        MetricsRegistry.shared.counter(
            "sallyport_http_responses_total", help: "Responses by class of status.",
            labels: [("class", "\(index + 1)xx")])
    }

    /// How a connection to a listener with TLS began.
    enum Handshake: String, CaseIterable {
        case done
        case failed
        /// Without TLS.
        case plain
        /// With a validator of a certificate authority.
        case challenge
        /// Not begun: the address begins too many.
        case tooOften = "too_often"
    }

    private static let handshakes = Handshake.allCases.map { result in
        MetricsRegistry.shared.counter(
            "sallyport_tls_handshakes_total", help: "TLS handshakes with clients by result.",
            labels: [("result", result.rawValue)])
    }

    /// Makes all of them, at 0: a number that first shows with what it counts shows no growth.
    static func prepare() {
        _ = (connections, refused, byClass, handshakes)
    }

    static func countHandshake(_ result: Handshake) {
        for (known, counter) in zip(Handshake.allCases, handshakes) where known == result { counter.increment() }
    }

    static func count(_ status: HTTPStatus) {
        let index = status.code / 100 - 1
        if byClass.indices.contains(index) { byClass[index].increment() }
    }
}
