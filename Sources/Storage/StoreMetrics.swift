import AsyncIO
import AuthorizationServer
import Telemetry

/// How long the store takes, and how it fails. Labels are words of closed sets; all are made when a store is opened.
struct StoreMetrics: Sendable {
    /// What a verb does.
    enum Operation: String, CaseIterable {
        case read
        /// Done when it is durable.
        case write
    }

    private struct Series {
        let duration: Histogram
        let errors: [StoreError.Code: Counter]
    }

    private let series: [Operation: Series]

    init(in registry: MetricsRegistry = .shared) {
        series = Dictionary(
            uniqueKeysWithValues: Operation.allCases.map { operation in
                let duration = registry.histogram(
                    "sallyport_store_operation_duration_seconds",
                    help: "Time that reading and writing the store takes, waiting for a turn included.",
                    labels: [("operation", operation.rawValue)])
                let errors = [StoreError.Code.unavailable, .full, .corrupt].map { code in
                    let counter = registry.counter(
                        "sallyport_store_errors_total", help: "What the store could not read or write, by reason.",
                        labels: [("operation", operation.rawValue), ("reason", Self.word(code))])
                    return (code, counter)
                }
                return (
                    operation, Series(duration: duration, errors: Dictionary(uniqueKeysWithValues: errors))
                )
            })
    }

    private static func word(_ code: StoreError.Code) -> String {
        switch code {
        case .unavailable: "unavailable"
        case .full: "full"
        case .corrupt: "corrupt"
        }
    }

    /// Notes what became of an operation that began at `start`.
    func note<T>(_ operation: Operation, since start: LoopInstant, _ result: Result<T, StoreError>) {
        guard let series = series[operation] else { return }
        series.duration.observe(EventLoop.preciseNow - start)
        if case .failure(let error) = result { series.errors[error.code]?.increment() }
    }
}
