import Foundation
import TestSupport
import Testing

@testable import Gateway

/// When a listen that names tasks is acknowledged, and what becomes of servers that are slow, silent or deaf (c26, mcp.md C10).
@Suite("Listens for tasks", .timeLimit(.minutes(2)))
struct TaskListenTests {
    /// The next frame, which must be the acknowledgement: what it says.
    private static func acknowledged(_ stream: Stream) async throws -> [String: Any] {
        let event = try #require(try await stream.next())
        #expect(event.object["method"] as? String == "notifications/subscriptions/acknowledged", "\(event)")
        let params = event.object["params"] as? [String: Any]
        return try #require(params?["notifications"] as? [String: Any], "\(event)")
    }

    private static func tasks(_ acknowledgement: [String: Any]) -> Set<String>? {
        (acknowledgement["taskIds"] as? [String]).map { Set($0) }
    }

    private static func listen(_ client: PlainModernMCP, _ names: [String]) async throws -> Stream {
        let list = names.map { #""\#($0)""# }.joined(separator: ",")
        return try await client.listen(#"{"taskIds":[\#(list)],"toolsListChanged":true}"#, id: "7")
    }

    @Test("C10, c26: the acknowledgement comes first, when every server has said what it tells of, and once")
    func everyone() async throws {
        try await withAggregate([.named("slow", #","hesitates":1"#), .named("quick")]) { bench in
            let client = bench.all()
            let names = [
                try #require(try await client.say("slow__job").taskName),
                try #require(try await client.say("quick__job").taskName),
            ]
            let stream = try await Self.listen(client, names)
            _ = try await client.say("quick__announce")
            let acknowledgement = try await Self.acknowledged(stream)
            #expect(Self.tasks(acknowledgement) == Set(names) && acknowledgement["toolsListChanged"] as? Bool == true)
            _ = try await client.say("quick__announce")
            #expect(try await stream.next()?.data?.contains(names[1]) == true, "what was before that nobody hears")
            for server in ["slow", "quick"] { _ = try await client.say("\(server)__end") }
            await bench.gateway.drain(within: .seconds(5))
            let rest = try await stream.rest().compactMap(\.data)
            #expect(!rest.contains { $0.contains("acknowledged") || $0.contains("cancelled") }, "\(rest)")
            #expect(rest.last?.contains(#""result""#) == true)
        }
    }

    @Test("C10: a server that does not say so in time is not waited for, and told; the others are heard")
    func silent() async throws {
        try await withAggregate([.named("mute", #","mute":true"#), .named("other")]) {
            $0.limits.listenTimeout = .seconds(1)
        } _: { bench in
            let client = bench.all()
            let names = [
                try #require(try await client.say("mute__job").taskName),
                try #require(try await client.say("other__job").taskName),
            ]
            let stream = try await Self.listen(client, names)
            #expect(Self.tasks(try await Self.acknowledged(stream)) == [names[1]])
            try await eventuallyTrue("the silent one is told") {
                let seen = try await client.say("mute__seen").parsedText
                return (seen?["listens"] as? [[String: Any]])?.contains { $0["taskIds"] != nil } == false
            }
            for server in ["mute", "other"] { _ = try await client.say("\(server)__announce") }
            #expect(try await stream.next()?.data?.contains(names[1]) == true)
            // Where nobody says anything the rest is honoured.
            let alone = try await Self.listen(client, [names[0]])
            let rest = try await Self.acknowledged(alone)
            #expect(rest["taskIds"] == nil && rest["toolsListChanged"] as? Bool == true)
        }
    }

    @Test("C10: a server that refuses, or ends, is one less to wait for")
    func deaf() async throws {
        try await withAggregate([.named("deaf", #","deaf":true"#), .named("other"), .named("dying")]) {
            $0.limits.listenTimeout = .seconds(300)
        } _: { bench in
            let client = bench.all()
            let deaf = try #require(try await client.say("deaf__job").taskName)
            let other = try #require(try await client.say("other__job").taskName)
            let stream = try await Self.listen(client, [deaf, other])
            #expect(Self.tasks(try await Self.acknowledged(stream)) == [other])
            let nothing = try await Self.acknowledged(try await Self.listen(client, [deaf]))
            #expect(nothing["taskIds"] == nil && nothing["toolsListChanged"] as? Bool == true)
            // A server that is gone tells of nothing: its part ends, the others' go on.
            let dying = try #require(try await client.say("dying__job").taskName)
            let both = try await Self.listen(client, [dying, other])
            #expect(Self.tasks(try await Self.acknowledged(both)) == [dying, other])
            _ = try await client.say("dying__exit")
            // It may be back by now, and say so.
            _ = try await Self.acknowledged(try await Self.listen(client, [dying]))
            _ = try await client.say("other__announce")
            var told = try await both.next()?.data
            while told?.contains("list_changed") == true { told = try await both.next()?.data }
            #expect(told?.contains(other) == true, "\(told ?? "")")
        }
    }

    @Test(
        "C10, c26: where sessions share the server it is not waited for either",
        arguments: [#"{"mute":true}"#, #"{"deaf":true}"#])
    func shared(options: String) async throws {
        var server = ServerDefinition.modern(options)
        server.isolation = .shared
        try await withBench([server]) {
            $0.limits.listenTimeout = options.contains("mute") ? .milliseconds(500) : .seconds(300)
        } _: { bench in
            let client = bench.modern(capabilities: TaskWords.declaring)
            let name = try #require(try await client.say("job").taskName)
            let stream = try await client.listen(#"{"taskIds":["\#(name)"],"toolsListChanged":true}"#, id: "7")
            #expect(try await Self.acknowledged(stream).keys.sorted() == ["toolsListChanged"])
            if options.contains("mute") {
                let listens = try await client.say("seen").parsedText?["listens"] as? [[String: Any]]
                let own = listens?.filter { $0["taskIds"] != nil }
                #expect(own?.map { $0.keys.sorted() } == [["taskIds"]], "what else there is the gateway has itself")
                stream.cut()
                try await eventuallyTrue("who listens no longer is forgotten") {
                    let seen = try await client.say("seen").parsedText
                    return (seen?["cancelled"] as? [Any])?.count == 1
                }
            }
        }
    }

    @Test("c26: where sessions share the server, too, nothing is told before the acknowledgement")
    func early() async throws {
        var server = ServerDefinition.modern(#"{"hesitates":1}"#)
        server.isolation = .shared
        try await withBench([server]) { bench in
            let client = bench.modern(capabilities: TaskWords.declaring)
            let name = try #require(try await client.say("job").taskName)
            let stream = try await client.listen(#"{"taskIds":["\#(name)"]}"#, id: "7")
            _ = try await client.say("announce")
            #expect(Self.tasks(try await Self.acknowledged(stream)) == [name])
        }
    }

    @Test("B1, c37: where a server has no tasks, names of tasks in a listen are none")
    func legacy() async throws {
        try await withBench([.python("demo", Script.legacy)]) { bench in
            for capabilities in ["{}", TaskWords.declaring] {
                let client = bench.modern(capabilities: capabilities)
                let stream = try await client.listen(#"{"taskIds":["t0"],"toolsListChanged":true}"#, id: "7")
                let acknowledgement = try await Self.acknowledged(stream)
                #expect(acknowledgement.keys.sorted() == ["toolsListChanged"], "\(capabilities)")
            }
        }
    }

    @Test(
        "T08, c26: when the token of who listens is over, so is the listen, at the server, too",
        arguments: [Isolation.session, .shared])
    func expired(isolation: Isolation) async throws {
        var server = ServerDefinition.named("new")
        server.isolation = isolation
        try await withAggregate([server]) { bench in
            for path in ["/new/mcp", "/mcp"] {
                var client = bench.all()
                client.path = path
                let prefix = path == "/mcp" ? "new__" : ""
                let name = try #require(try await client.say("\(prefix)job").taskName)
                var brief = client
                brief.token = "short"
                let stream = try await brief.listen(#"{"taskIds":["\#(name)"]}"#, id: "7")
                #expect(Self.tasks(try await Self.acknowledged(stream)) == [name])
                #expect(try await stream.rest().last?.data?.contains(#""resultType":"complete""#) == true)
                try await eventuallyTrue("the server is told") {
                    let seen = try await client.say("\(prefix)seen").parsedText
                    return (seen?["listens"] as? [[String: Any]])?.contains { $0["taskIds"] != nil } == false
                }
            }
        }
    }

    @Test(
        "M10: a listen has a place among the streams of its principal, for as long as it lasts",
        arguments: [Isolation.session, .shared])
    func places(isolation: Isolation) async throws {
        var server = ServerDefinition.modern()
        server.isolation = isolation
        try await withBench([server], change: { $0.limits.streamsPerPrincipal = 1 }) { bench in
            let client = bench.modern(capabilities: TaskWords.declaring)
            let name = try #require(try await client.say("job").taskName)
            for tasks in ["[]", #"["\#(name)"]"#] {
                let wanted = #"{"toolsListChanged":true,"taskIds":\#(tasks)}"#
                let stream = try await client.listen(wanted, id: "1")
                _ = try await Self.acknowledged(stream)
                let second = try await client.ask("subscriptions/listen", #""notifications":\#(wanted)"#)
                #expect(second.status == 429, "\(second.messages)")
                stream.cut()
                try await eventuallyTrue("its place is free again") {
                    let next = try await client.listen(wanted, id: "2")
                    defer { next.cut() }
                    return next.head.status == 200
                }
                try await eventuallyTrue("and so is that one") {
                    let seen = try await client.say("seen").parsedText
                    return (seen?["listens"] as? [[String: Any]])?.contains { $0["taskIds"] != nil } == false
                }
            }
        }
    }

    @Test(
        "c26: what a server says of a call as if it were a listen is nothing", arguments: [Isolation.session, .shared])
    func confused(isolation: Isolation) async throws {
        var server = ServerDefinition.modern()
        server.isolation = isolation
        try await withBench([server]) { bench in
            let answer = try await bench.modern().say("confused")
            #expect(answer.text == "not cancelled" && answer.messages.count == 1, "\(answer.messages)")
        }
    }
}
