import AsyncIO
import Foundation
import HTTP
import JSON
import MCP
import TestSupport
import Testing

@testable import Gateway

/// What is left of the table of messages in mcp.md B1 for modern clients and legacy servers.
@Suite("Modern client, legacy server: row by row", .timeLimit(.minutes(2)))
struct BridgeRowTests {
    private static let accepted = #"{"action":"accept","content":{"name":"Ada"}}"#
    private static let servers = [ServerDefinition.python("demo", Script.legacy)]

    /// What the server has seen and done; asked by a request for which the server cannot ask anything.
    private static func seen(_ client: PlainModernMCP) async throws -> String {
        let prompts = try await client.ask("prompts/list").result?["prompts"] as? [[String: Any]]
        return prompts?.first?["name"] as? String ?? ""
    }

    private static func remote(_ bench: Bench, capabilities: String = "{}") -> PlainModernMCP {
        PlainModernMCP(port: bench.port, path: "/remote/mcp", token: "alice", capabilities: capabilities)
    }

    // MARK: Questions

    @Test("B1, B2: what a server asks as soon as it is ready is a question of the call for which it was started")
    func readyQuestions() async throws {
        try await withBench([.python("demo", Script.legacy, ["roots"])]) { bench in
            let client = bench.modern(capabilities: Bench.everything)
            let arguments = #"{"message":"x"}"#
            let asked = try await client.say("echo", arguments)
            let key = try #require(asked.key(of: "roots/list"), "\(asked.messages)")
            let roots = #"{"roots":[{"uri":"file:///r"}]}"#
            #expect(try await client.say("echo", arguments, asked.retry([key: roots])).text == "x")
            try await eventuallyTrue("the server has its answer") { try await Self.seen(client).contains("file:///r") }
            #expect(try await client.say("echo", arguments).text == "x", "once")
            // Started for a list, or for somebody who cannot be asked for roots.
            let other = bench.modern("bob", capabilities: Bench.everything)
            _ = try await Self.seen(other)
            try await eventuallyTrue("it is refused") { try await Self.seen(other).contains("-32602") }
            let poor = bench.modern(capabilities: #"{"elicitation":{}}"#)
            #expect(try await poor.say("echo", arguments).text == "x")
            try await eventuallyTrue("it is refused") { try await Self.seen(poor).contains("-32601") }
            let none = bench.modern()
            #expect(try await none.say("echo", arguments).text == "x")
            try await eventuallyTrue("it is refused") { try await Self.seen(none).contains("-32601") }
        }
    }

    @Test("B1: nobody answers in time: each kind of question is refused in its own way, and the call cancelled")
    func unanswered() async throws {
        try await withBench(Self.servers, change: { $0.limits.answerTimeout = .seconds(1) }) { bench in
            let client = bench.modern(capabilities: Bench.everything)
            let asked = try await client.say("three")
            #expect(asked.questions.count == 3)
            try await eventuallyTrue("the call is cancelled at the server") {
                try await Self.seen(client).contains("notifications/cancelled")
            }
            let seen = try await Self.seen(client)
            #expect(seen.contains(#"{\"action\": \"cancel\"}"#) && seen.contains(#"{\"code\": -1,"#), "\(seen)")
            #expect(seen.contains(#"{\"code\": -32603,"#), "\(seen)")
            let late = try await client.say("three", "{}", asked.retry([:]))
            #expect(late.errorCode != nil && late.questions.isEmpty)
        }
    }

    @Test("B1: a decline is the server's to hear, and what it takes back is nobody's question any more")
    func withdrawn() async throws {
        try await withBench(Self.servers) { bench in
            let client = bench.modern(capabilities: Bench.everything)
            let first = try await client.say("elicit")
            let key = try #require(first.key(of: "elicitation/create"))
            let declined = try await client.say("elicit", "{}", first.retry([key: #"{"action":"decline"}"#]))
            #expect(declined.text?.contains("decline") == true)
            let asked = try await client.say("withdrawn")
            let other = try #require(asked.key(of: "elicitation/create"))
            _ = try await Self.seen(client)
            let done = try await client.say("withdrawn", "{}", asked.retry([other: Self.accepted]))
            #expect(done.text == "without you", "\(done.messages)")
            #expect(try await Self.seen(client).contains("answered") == false)
        }
    }

    @Test("B1: a server that went on hears what is answered all the same, and that nobody answers where nobody will")
    func wentOn() async throws {
        try await withBench(Self.servers) { bench in
            let client = bench.modern(capabilities: Bench.everything)
            for (after, answers, heard) in [
                ("0.2", Self.accepted, #"heard {\"action\": \"accept\""#),
                ("0.2", nil, #"heard {\"action\": \"cancel\"}"#),
                // Before the question was put.
                ("0", nil, #"heard {\"action\": \"cancel\"}"#),
            ] as [(String, String?, String)] {
                let arguments = #"{"after":\#(after)}"#
                let other = bench.modern(capabilities: Bench.everything)
                let asked = try await other.say("impatient", arguments)
                if let key = asked.key(of: "elicitation/create") {
                    try await eventuallyTrue("it has gone on") { try await Self.seen(client).contains("went on") }
                    let done = try await other.say(
                        "impatient", arguments, asked.retry(answers.map { [key: $0] } ?? [:]))
                    #expect(done.text == "went on", "\(done.messages)")
                } else {
                    #expect(asked.text == "went on", "\(asked.messages)")
                }
                try await eventuallyTrue("the server has heard") { try await Self.seen(client).contains(heard) }
                for session in bench.gateway.directory.all { await session.finish(.idle) }
            }
        }
    }

    @Test("M10: questions before a call wait for one that comes, so many of them, and for no other")
    func earlyQuestions() throws {
        func question(_ id: Int) throws -> JSONRPCMessage {
            let text = #"{"jsonrpc":"2.0","id":\#(id),"method":"roots/list"}"#
            return try JSONRPCMessage(try JSONDocument(parsing: Array(text.utf8)).root)
        }
        let (soon, later) = (LoopInstant(nanoseconds: 5), LoopInstant(nanoseconds: 9))
        var early = EarlyQuestions()
        let kept = try (1...64).map { early.hold(try question($0), until: $0 == 1 ? soon : later) }
        let tooMany = early.hold(try question(65), until: later)
        #expect(kept.allSatisfy { $0 } && !tooMany && early.deadline == soon)
        early.withdraw(JSONRPCID(number: 1))
        let waited = early.came(canBeAsked: false)
        #expect(waited.count == 63 && early.deadline == nil)
        let forNobody = early.hold(try question(66), until: later)
        early.comes(canBeAsked: false)
        let forSomebodyElse = early.hold(try question(66), until: later)
        early.comes(canBeAsked: true)
        let forOne = early.hold(try question(66), until: later)
        let taken = early.came(canBeAsked: true)
        let afterwards = early.hold(try question(67), until: later)
        #expect(!forNobody && !forSomebodyElse && forOne && taken.count == 1 && !afterwards && early.waiting.isEmpty)
        var fresh = EarlyQuestions()
        let atFirst = fresh.hold(try question(1), until: soon)
        let expired = fresh.expire()
        let then = fresh.hold(try question(2), until: soon)
        #expect(atFirst && expired.count == 1 && fresh.deadline == nil && !then, "nobody came, so nobody is waited for")
    }

    @Test("c38: the context of other servers is for clients that declare it, and so is the choice of tools")
    func context() async throws {
        try await withBench(Self.servers) { bench in
            func sample(_ capabilities: String, _ member: String) async throws -> MCPAnswer {
                let sampling =
                    #"{"messages":[{"role":"user","content":{"type":"text","text":"?"}}],"maxTokens":5,\#(member)}"#
                return try await bench.modern(capabilities: capabilities).say(
                    "ask", #"{"method":"sampling/createMessage","params":\#(sampling)}"#)
            }
            func params(_ answer: MCPAnswer) -> [String: Any]? {
                answer.questions.values.first?["params"] as? [String: Any]
            }
            let plain = params(try await sample(#"{"sampling":{}}"#, #""includeContext":"allServers""#))
            #expect(plain?["includeContext"] == nil && plain?["maxTokens"] as? Int == 5)
            let full = params(try await sample(#"{"sampling":{"context":{}}}"#, #""includeContext":"allServers""#))
            #expect(full?["includeContext"] as? String == "allServers")
            let choice = try await sample(#"{"sampling":{}}"#, #""toolChoice":{"mode":"auto"}"#)
            #expect(choice.text?.contains("-32601") == true, "\(choice.messages)")
        }
    }

    // MARK: Notifications

    @Test("B1: of what was reported while nobody waited the newest is told, by the token of the request that waits now")
    func parkedProgress() async throws {
        try await withBench(Self.servers) { bench in
            let client = bench.modern(capabilities: Bench.everything)
            let asked = try await client.say("parked", meta: #","progressToken":"a""#)
            let key = try #require(asked.key(of: "elicitation/create"))
            _ = try await Self.seen(client)
            let again = try await client.say(
                "parked", "{}", asked.retry([key: Self.accepted]), meta: #","progressToken":"b""#)
            let roots = try #require(again.key(of: "roots/list"), "\(again.messages)")
            let done = try await client.say(
                "parked", "{}", again.retry([roots: #"{"roots":[]}"#]), meta: #","progressToken":"c""#)
            #expect(done.messages.count == 1 && done.text?.contains("Ada") == true, "\(done.messages)")
            let report = again.messages.first ?? ""
            #expect(again.messages.count == 2)
            #expect(report.contains(#""progressToken": "b""#) && report.contains(#""progress": 2"#), "\(report)")
        }
    }

    @Test("B1: pings of a server are answered here, its batches are read, and levels are for servers that log")
    func small() async throws {
        try await withBench(Self.servers) { bench in
            let client = bench.modern(capabilities: Bench.everything)
            #expect(try await client.say("ask", #"{"method":"ping"}"#).text == "{}")
            let batch = try await client.say("batch", meta: #","progressToken":"t""#)
            #expect(batch.text == "together" && batch.messages.count == 2, "\(batch.messages)")
            let legacy = try await bench.open(version: "2025-03-26")
            #expect(try await legacy.say("batch").text == "together")
        }
        let silent = Script.legacy.replacing(#""logging": {}, "#, with: "")
        try await withBench([.python("demo", silent)]) { bench in
            var client = bench.modern()
            client.logLevel = "debug"
            let logged = try await client.say("log")
            #expect(logged.text == "logged", "\(logged.messages)")
            #expect(try await client.say("seen").text?.contains("setLevel") == false)
        }
    }

    // MARK: Servers elsewhere

    @Test(
        "B1: where a server has no stream for announcements nothing is honoured; where it has, also after a new session"
    )
    func announcements() async throws {
        for pin in [PinMode.off, .report] {
            try await withRemote(
                ["no-stream"],
                gateway: { configuration in
                    for index in configuration.servers.indices { configuration.servers[index].pin = pin }
                }
            ) { bench, _ in
                let listen = try await Self.remote(bench).listen(#"{"toolsListChanged":true}"#, id: "1")
                let params = try await listen.next()?.object["params"] as? [String: Any]
                #expect((params?["notifications"] as? [String: Any])?.isEmpty == true, "\(params ?? [:])")
            }
        }
        try await withRemote(endpoint: { $0.heartbeat = .milliseconds(200) }) { bench, _ in
            let listen = try await Self.remote(bench).listen(#"{"toolsListChanged":true}"#, id: "7")
            let params = try await listen.next()?.object["params"] as? [String: Any]
            #expect((params?["notifications"] as? [String: Any])?["toolsListChanged"] as? Bool == true)
            let other = try await RemoteTests.open(bench, "bob")
            #expect(try await other.say("forget", id: 2).text == "forgotten")
            let news = try await listen.next()?.data
            #expect(
                news?.contains("tools/list_changed") == true
                    && news?.contains(#""io.modelcontextprotocol/subscriptionId":7"#) == true)
        }
    }

    @Test("B1: a stream there is resumed unseen, a client that goes is told there, and so is the end of a session")
    func endings() async throws {
        try await withRemote(gateway: { $0.limits.commitDelay = .milliseconds(50) }) { bench, remote in
            let client = Self.remote(bench)
            let resumed = try await client.say("resume", #"{"retry":10}"#)
            #expect(resumed.text == "resumed" && resumed.messages.count == 1, "\(resumed.messages)")
            let stream = try await onThread {
                try Stream(client.stream("tools/call", #""name":"stream-hang","arguments":{}"#, name: "stream-hang"))
            }
            #expect(stream.head.isEventStream)
            stream.cut()
            try await eventuallyTrue("the server is told") {
                remote.seen.contains { $0.method == "notifications/cancelled" }
            }
            try await eventuallyTrue("and its stream closed") { remote.noticedEnd(of: "stream-hang") }
            for session in bench.gateway.directory.all { await session.finish(.idle) }
            try await eventuallyTrue("the session there ends") { remote.seen.contains { $0.verb == "DELETE" } }
        }
        var server = ServerDefinition.python("demo", Script.legacy)
        server.idleTimeout = .seconds(1)
        try await withBench([server]) { bench in
            #expect(try await bench.modern().say("echo", #"{"message":"x"}"#).text == "x")
            try await eventuallyTrue("the process of nobody ends") { bench.gateway.processCount == 0 }
        }
    }
}
