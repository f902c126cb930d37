import Telemetry
import Testing

@Suite struct MetricsTests {
    @Test func textFollowsTheExpositionFormat() {
        let registry = MetricsRegistry()
        registry.counter("requests_total", help: "Requests.", labels: [("server", "a\"b\\c\n")]).increment(by: 3)
        registry.gauge("open", help: "Open.").set(-2)
        let histogram = registry.histogram("wait_seconds", help: "Waits.", bounds: [0.1, 1])
        histogram.observe(0.05)
        histogram.observe(.milliseconds(500))
        histogram.observe(7)
        let expected = """
            # HELP requests_total Requests.
            # TYPE requests_total counter
            requests_total{server="a\\"b\\\\c\\n"} 3
            # HELP open Open.
            # TYPE open gauge
            open -2
            # HELP wait_seconds Waits.
            # TYPE wait_seconds histogram
            wait_seconds_bucket{le="0.1"} 1
            wait_seconds_bucket{le="1.0"} 2
            wait_seconds_bucket{le="+Inf"} 3
            wait_seconds_sum 7.55
            wait_seconds_count 3

            """
        #expect(String(decoding: registry.prometheusText(), as: UTF8.self) == expected)
    }

    @Test func theSameNameAndLabelsAreTheSameCounter() {
        let registry = MetricsRegistry()
        registry.counter("x_total", help: "X.").increment()
        #expect(registry.counter("x_total", help: "X.").value == 1)
    }

    @Test func concurrentIncrementsAllCount() async {
        let counter = MetricsRegistry().counter("x_total", help: "X.")
        await withTaskGroup { group in
            for _ in 0..<8 { group.addTask { for _ in 0..<10_000 { counter.increment() } } }
        }
        #expect(counter.value == 80_000)
    }
}
