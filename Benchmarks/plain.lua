-- The same for a plain GET: what nginx does beside us.
function done(summary, latency)
    io.write(string.format('{"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"status":%d,"socket":%d}\n',
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), summary.errors.status,
        summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
