import Synchronization

/// All metrics of the process, written as Prometheus text format 0.0.4 at `/metrics`.
///
/// Label values come from the configuration or from closed enums, never from a peer: each combination lives for ever.
package final class MetricsRegistry: Sendable {
    /// The process's registry.
    package static let shared = MetricsRegistry()

    private enum Metric {
        case counter(Counter)
        case gauge(Gauge)
        case histogram(Histogram)
    }

    private struct Family {
        let help: String
        let type: String
        var series: [(labels: String, metric: Metric)] = []
    }

    private struct State {
        var names: [String] = []
        var families: [String: Family] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    /// The counter of this name and these labels, made when first asked for. Look it up once and keep it.
    package func counter(_ name: StaticString, help: StaticString, labels: [(StaticString, String)] = []) -> Counter {
        let metric = metric(name, help, "counter", labels) { .counter(Counter()) }
        if case .counter(let counter) = metric { return counter }
        return Counter()
    }

    /// The gauge of this name and these labels.
    package func gauge(_ name: StaticString, help: StaticString, labels: [(StaticString, String)] = []) -> Gauge {
        let metric = metric(name, help, "gauge", labels) { .gauge(Gauge()) }
        if case .gauge(let gauge) = metric { return gauge }
        return Gauge()
    }

    /// The histogram of this name and these labels.
    package func histogram(
        _ name: StaticString, help: StaticString, labels: [(StaticString, String)] = [],
        bounds: [Double] = Histogram.seconds
    ) -> Histogram {
        let metric = metric(name, help, "histogram", labels) { .histogram(Histogram(bounds: bounds)) }
        if case .histogram(let histogram) = metric { return histogram }
        return Histogram(bounds: bounds)
    }

    private func metric(
        _ name: StaticString, _ help: StaticString, _ type: String, _ labels: [(StaticString, String)],
        _ make: @Sendable () -> Metric
    ) -> Metric {
        let labelText = labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",")
        return state.withLock { state in
            let name = name.description
            var family = state.families[name] ?? Family(help: help.description, type: type)
            if let known = family.series.first(where: { $0.labels == labelText }) { return known.metric }
            if state.families[name] == nil { state.names.append(name) }
            let made = make()
            family.series.append((labels: labelText, metric: made))
            state.families[name] = family
            return made
        }
    }

    /// Everything, in the order in which the names were first used.
    package func prometheusText() -> [UInt8] {
        let families = state.withLock { state in
            state.names.compactMap { name in state.families[name].map { (name, $0) } }
        }
        var text = ""
        for (name, family) in families {
            text += "# HELP \(name) \(family.help)\n# TYPE \(name) \(family.type)\n"
            for (labels, metric) in family.series { Self.append(metric, name, labels, to: &text) }
        }
        return Array(text.utf8)
    }

    private static func append(_ metric: Metric, _ name: String, _ labels: String, to text: inout String) {
        let braces = labels.isEmpty ? "" : "{\(labels)}"
        switch metric {
        case .counter(let counter): text += "\(name)\(braces) \(counter.value)\n"
        case .gauge(let gauge): text += "\(name)\(braces) \(gauge.value)\n"
        case .histogram(let histogram):
            let prefix = labels.isEmpty ? "" : labels + ","
            var cumulative: UInt64 = 0
            for (position, count) in histogram.counts.enumerated() {
                cumulative += count
                let bound = position < histogram.bounds.count ? "\(histogram.bounds[position])" : "+Inf"
                text += "\(name)_bucket{\(prefix)le=\"\(bound)\"} \(cumulative)\n"
            }
            text += "\(name)_sum\(braces) \(histogram.sum)\n\(name)_count\(braces) \(cumulative)\n"
        }
    }

    private static func escaped(_ value: String) -> String {
        var text = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
