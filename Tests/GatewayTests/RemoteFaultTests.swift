import AsyncIO
import Foundation
import HTTP
import Telemetry
import TestSupport
import Testing

@testable import Gateway

@Suite("Faults of servers behind HTTP", .timeLimit(.minutes(3)))
struct RemoteFaultTests {
    @Test(
        "F15: a stream that breaks ends with an error for its call within half a second, and with nothing half",
        arguments: ["stream-rst", "stream-eof", "stream-half", "stream-502"])
    func brokenStream(mode: String) async throws {
        try await withRemote { bench, _ in
            let client = try await RemoteTests.open(bench)
            async let other = client.say("sleep", id: 3, #"{"seconds":1}"#)
            let begin = ContinuousClock.now
            let stream = try await client.streamed(PlainMCP.call(mode, id: 2, #"{"after":0.1}"#, token: "1"))
            let events = try await stream.rest()
            let time = ContinuousClock.now - begin
            #expect(time < .milliseconds(600), "\(time)")
            #expect(events.compactMap(\.data).filter { $0.contains("notifications/progress") }.count == 1)
            let last = events.last?.data ?? ""
            #expect(last.contains("-32603") && last.contains("\"id\":2") && last.contains("broke"), "\(events)")
            #expect(!events.contains { $0.data?.contains("half") == true })
            #expect(try await other.text == "slept", "only the call of that stream is affected")
        }
    }

    @Test("F15: an answer that does not come is an error within half a second", arguments: ["rst", "eof", "html"])
    func noAnswer(mode: String) async throws {
        try await withRemote { bench, _ in
            let client = try await RemoteTests.open(bench)
            let begin = ContinuousClock.now
            let answer = try await client.say(mode, id: 2)
            #expect(ContinuousClock.now - begin < .milliseconds(500))
            #expect(answer.errorCode == -32603 && answer.object["id"] as? Int == 2, "\(answer.messages)")
            #expect(answer.errorMessage?.contains("remote") == true)
            #expect(answer.errorMessage?.contains("127.0.0.1") == false, "where it is does not concern the client")
            #expect(try await client.say("count", id: 3, #"{"of":"\#(mode)"}"#).text == "1", "no call is repeated")
            #expect(try await client.say("echo", id: 4, #"{"message":"on"}"#).text == "on")
        }
    }

    @Test(
        "an HTTP error is an error of the call, never one of ours: the client is not to log in again",
        arguments: [401, 403, 404, 429, 500, 502, 503, 202])
    func statuses(status: Int) async throws {
        try await withRemote { bench, _ in
            let client = try await RemoteTests.open(bench)
            let answer =
                status == 202
                ? try await client.say("accepted", id: 2)
                : try await client.say("status", id: 2, #"{"status":\#(status)}"#)
            #expect(answer.status == 200 && answer.errorCode == -32603, "\(answer.status) \(answer.messages)")
            let name = status == 202 ? "accepted" : "status"
            // A 404 says that the call was not taken, so it goes to another session once.
            let expected = status == 404 ? "2" : "1"
            #expect(try await client.say("count", id: 3, #"{"of":"\#(name)"}"#).text == expected)
        }
    }

    @Test("F15: a call that met a connection about to be closed is not sent twice")
    func reusedConnection() async throws {
        try await withRemote { bench, _ in
            let client = try await RemoteTests.open(bench)
            #expect(try await client.say("echo", id: 1, #"{"message":"warm"}"#).text == "warm")
            let answer = try await client.say("dead-after", id: 2)
            #expect(answer.errorCode == -32603, "\(answer.messages)")
            #expect(try await client.say("count", id: 3, #"{"of":"dead-after"}"#).text == "1")
        }
    }

    @Test("what only reads is asked again, with more time each time")
    func repetition() async throws {
        try await withRemote(["flaky"]) { bench, remote in
            let client = try await RemoteTests.open(bench)
            let answer = try await client.send(PlainMCP.request("tools/list", id: 2))
            #expect(answer.result?["tools"] != nil, "\(answer.messages)")
            #expect(remote.seen.filter { $0.method == "tools/list" }.count == 3)
        }
    }

    @Test("c51, d8: a session that the server forgot is begun again: the level of its log, the subscriptions, the news")
    func forgotten() async throws {
        try await withRemote { bench, remote in
            let client = try await RemoteTests.open(bench)
            let general = try await client.listen()
            _ = try await client.send(PlainMCP.request("logging/setLevel", id: 1, #"{"level":"debug"}"#))
            _ = try await client.send(PlainMCP.request("resources/subscribe", id: 2, #"{"uri":"file:///a"}"#))
            #expect(try await client.say("forget", id: 3).text == "forgotten")
            #expect(try await client.say("echo", id: 4, #"{"message":"again"}"#).text == "again")
            let methods = remote.seen.filter { $0.verb == "POST" }.compactMap(\.method)
            let again = methods.dropFirst(methods.lastIndex(of: "initialize") ?? 0)
            #expect(
                again.elementsEqual([
                    "initialize", "notifications/initialized", "logging/setLevel", "resources/subscribe", "tools/call",
                ]), "\(methods)")
            let news = [try await general.next()?.data, try await general.next()?.data]
            #expect(news.contains { $0?.contains("notifications/tools/list_changed") == true }, "\(news)")
            #expect(news.contains { $0?.contains(#""uri":"file:///a""#) == true }, "\(news)")
        }
    }

    @Test("a server that was started anew goes on with the sessions of those who wait for news")
    func restart() async throws {
        try await withRemote { bench, remote in
            let client = try await RemoteTests.open(bench)
            try await remote.start()
            #expect(try await client.say("echo", id: 4, #"{"message":"back"}"#).text == "back")
        }
    }

    @Test("c54: a stream that the server ends to be asked for the rest is resumed, the client never sees it")
    func resumption() async throws {
        try await withRemote { bench, _ in
            let client = try await RemoteTests.open(bench)
            #expect(try await client.say("resume", id: 5, #"{"retry":20}"#).text == "resumed")
            #expect(try await client.say("resume", id: 6).text == "resumed")
        }
    }

    @Test("F04, d6: a call that is cancelled, or takes too long, is told to the server and its stream closed")
    func cancellation() async throws {
        try await withRemote(timeout: .seconds(2)) { bench, remote in
            let client = try await RemoteTests.open(bench)
            let stream = try await client.streamed(PlainMCP.call("stream-hang", id: 9, token: "1"))
            _ = try await stream.next()
            let cancel = #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":9}}"#
            #expect(try await client.send(cancel).status == 202)
            try await eventuallyTrue("the stream there to be closed") { remote.noticedEnd(of: "stream-hang") }
            let told = remote.seen.filter { $0.method == "notifications/cancelled" }
            let call = remote.seen.first { $0.body.contains("stream-hang") }
            #expect(told.count == 1)
            #expect(
                (told.first?.object["params"] as? [String: Any])?["requestId"] as? Int == call?.object["id"] as? Int)
            let late = try await client.say("sleep", id: 10, #"{"seconds":60}"#)
            #expect(late.errorCode == 1001)
            try await eventuallyTrue("the server to be told") {
                remote.seen.filter { $0.method == "notifications/cancelled" }.count == 2
            }
        }
    }

    @Test("M10: a reader that does not read holds back the server of its own call")
    func slowReader() async throws {
        try await withRemote { bench, _ in try await bench.floodsSlowReader() }
    }

    @Test("M10, P04: a message beyond the limit ends its stream and nothing else")
    func hugeMessage() async throws {
        try await withRemote { bench, _ in
            let client = try await RemoteTests.open(bench)
            #expect(try await client.say("huge", id: 1).errorCode == -32603)
            #expect(try await client.say("echo", id: 2, #"{"message":"on"}"#).text == "on")
        }
    }

    @Test("a server that is away: the client is told at once, the gateway says so, and finds it when it is back")
    func circuit() async throws {
        let registry = MetricsRegistry()
        try await withRemote(gateway: { $0.metrics = registry }) { bench, remote in
            let client = try await RemoteTests.open(bench)
            remote.stop()
            // The first one may meet the connection that was there: a call that got lost on its way does not count.
            for id in 1...UpstreamCircuit.threshold + 1 {
                let answer = try await client.say("echo", id: id)
                #expect(answer.errorCode == -32603 && answer.errorMessage?.contains("cannot be reached") == true)
            }
            #expect(bench.gateway.unavailableServers == ["remote"])
            func metrics() -> String { String(decoding: registry.prometheusText(), as: UTF8.self) }
            #expect(metrics().contains(#"sallyport_upstream_circuit_open{server="remote"} 1"#))
            // The stream of the session tries to come back meanwhile, and counts as well.
            let failures = metrics().matches(of: /failures_total{server="remote",reason="\w+"} (\d+)/)
            #expect(failures.reduce(0) { $0 + (Int($1.1) ?? 0) } >= UpstreamCircuit.threshold)
            let begin = ContinuousClock.now
            #expect(try await client.say("echo", id: 20).errorCode == -32603)
            #expect(ContinuousClock.now - begin < .milliseconds(50))
            let newcomer = try await bench.request(
                "POST", "/remote/mcp", PlainMCP(port: bench.port, path: "", token: "bob").headers,
                PlainMCP.request("initialize", id: 0, #"{"protocolVersion":"2025-06-18","capabilities":{}}"#))
            #expect(newcomer.status == 503 && newcomer.header("retry-after") != nil)
            try await remote.start()
            try await eventuallyTrue("the server to be asked again", within: .seconds(10)) {
                try await client.say("echo", id: Int.random(in: 100...9999), #"{"message":"back"}"#).text == "back"
            }
            #expect(bench.gateway.unavailableServers == [])
            #expect(metrics().contains(#"sallyport_upstream_circuit_open{server="remote"} 0"#))
        }
    }

    @Test("a server that comes a moment later is waited for: nothing was sent yet")
    func patience() async throws {
        try await withRemote(["late"]) { bench, remote in
            async let session = RemoteTests.open(bench)
            // The port refuses meanwhile: by now the first attempt has failed.
            try await eventuallyTrue("the session to begin") { bench.gateway.sessionCount == 1 }
            try remote.listen()
            #expect(try await session.say("echo", id: 1, #"{"message":"late"}"#).text == "late")
        }
    }

    @Test("c36: a server that lets us not in does not begin a session; the client is not told to log in")
    func refused() async throws {
        try await withRemote(["refuse"]) { bench, _ in
            let answer = try await bench.request(
                "POST", "/remote/mcp", PlainMCP(port: bench.port, path: "", token: "bob").headers,
                PlainMCP.request("initialize", id: 0, #"{"protocolVersion":"2025-06-18","capabilities":{}}"#))
            #expect(answer.status == 200 && answer.text.contains("-32603"), "\(answer.status) \(answer.text)")
            #expect(answer.header("mcp-session-id") == nil && answer.header("www-authenticate") == nil)
            try await eventuallyTrue("nothing to be left") { bench.gateway.sessionCount == 0 }
            // It says something about this user, nothing about the server: nobody has to wait for that.
            for token in ["bob", "alice", "bob"] {
                let next = try await bench.request(
                    "POST", "/remote/mcp", PlainMCP(port: bench.port, path: "", token: token).headers,
                    PlainMCP.request("initialize", id: 0, #"{"protocolVersion":"2025-06-18","capabilities":{}}"#))
                #expect(next.status == 200, "\(next.text)")
            }
        }
    }

    @Test("half open: of those who ask, one finds out", arguments: [true, false])
    func halfOpen(answers: Bool) {
        let circuit = UpstreamCircuit(server: "x", in: MetricsRegistry())
        var now = LoopInstant(nanoseconds: 1_000_000_000)
        for _ in 1..<UpstreamCircuit.threshold { circuit.failed(.connectFailed, "", at: now) }
        #expect(!circuit.isOpen && circuit.admits(at: now))
        circuit.failed(.connectFailed, "", at: now)
        #expect(circuit.isOpen && !circuit.admits(at: now) && circuit.remaining(at: now) == 1)
        now = now + .seconds(1)
        #expect(circuit.admits(at: now) && !circuit.admits(at: now))
        if answers {
            circuit.succeeded()
            #expect(!circuit.isOpen && circuit.admits(at: now))
        } else {
            circuit.failed(.timeout, "", at: now)
            #expect(circuit.remaining(at: now) == 2, "twice as long")
            circuit.failed(.timeout, "", at: now)
            #expect(circuit.remaining(at: now) == 2, "what was under way before is no news")
        }
    }
}
