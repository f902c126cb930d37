-- One `tools/call` after another, each with an id of its own. Environment: BENCH_TOKEN, BENCH_SESSION.
-- The summary is one line of JSON; nothing is measured here but by wrk itself.
local id = 100
local token, session = os.getenv("BENCH_TOKEN"), os.getenv("BENCH_SESSION")
local headers = {
    ["Content-Type"] = "application/json",
    ["Accept"] = "application/json, text/event-stream",
    ["MCP-Protocol-Version"] = "2025-06-18",
}
if token and token ~= "" then headers["Authorization"] = "Bearer " .. token end
if session and session ~= "" then headers["Mcp-Session-Id"] = session end

function request()
    id = id + 1
    return wrk.format("POST", nil, headers, '{"jsonrpc":"2.0","id":' .. id ..
        ',"method":"tools/call","params":{"name":"echo","arguments":{"message":"hello"}}}')
end

function done(summary, latency)
    io.write(string.format('{"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"status":%d,"socket":%d}\n',
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), summary.errors.status,
        summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
