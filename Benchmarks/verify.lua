-- What Traefik asks for each request. Environment: BENCH_TOKEN, BENCH_TARGET (host and path of the resource).
local target = os.getenv("BENCH_TARGET")
wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN")
wrk.headers["X-Forwarded-For"] = "203.0.113.7"
wrk.headers["X-Forwarded-Method"] = "POST"
wrk.headers["X-Forwarded-Proto"] = "http"
wrk.headers["X-Forwarded-Host"] = target:match("^[^/]+")
wrk.headers["X-Forwarded-Uri"] = target:match("/.*$")
wrk.headers["Accept"] = "application/json, text/event-stream"

function done(summary, latency)
    io.write(string.format('{"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"status":%d,"socket":%d}\n',
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), summary.errors.status,
        summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
