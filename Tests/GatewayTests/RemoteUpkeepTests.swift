import Foundation
import HTTP
import TestSupport
import Testing

@testable import Gateway

/// What servers behind HTTP are asked while nobody says anything, whichever era and transport they have.
@Suite("Upkeep of servers behind HTTP", .timeLimit(.minutes(2)))
struct RemoteUpkeepTests {
    /// What a kind of server is asked by.
    private static let questions = [["modern"]: "server/discover", ["sse-only"]: "ping"]

    @Test(
        "d4, d9: a server that nobody uses is asked whether it is there, in the words of its era, on the way that it has",
        arguments: [["modern"], ["sse-only"]])
    func heartbeat(kind: [String]) async throws {
        let question = Self.questions[kind]
        try await withRemote(kind, endpoint: { $0.heartbeat = .milliseconds(200) }) { bench, remote in
            let client = try await RemoteTests.open(bench)
            try await eventuallyTrue("it to be asked") { remote.seen.count { $0.method == question } >= 4 }
            let asked = remote.seen.last { $0.method == question }
            #expect(asked?.object["id"] as? String != nil, "by the gateway itself")
            if kind == ["modern"] {
                #expect(asked?.values("mcp-protocol-version") == ["2026-07-28"], "with what every request has")
                #expect(asked?.values("mcp-method") == ["server/discover"])
            }
            #expect(bench.gateway.unavailableServers.isEmpty)
            let echo = try await client.say("echo", id: 3, #"{"message":"on"}"#)
            #expect(echo.text == "on" && echo.messages.count == 1, "and its client hears nothing of it")
        }
    }

    @Test("F15: a stream that nothing comes of any more is at its end, and with it the session")
    func silentStream() async throws {
        try await withRemote(
            ["sse-only", "deaf"], timeout: .milliseconds(500), endpoint: { $0.heartbeat = .milliseconds(100) }
        ) { bench, _ in
            let client = try await RemoteTests.open(bench)
            try await eventuallyTrue("the session to end", within: .seconds(30)) { bench.gateway.sessionCount == 0 }
            #expect(try await client.send(PlainMCP.request("ping", id: 4)).status == 404)
            #expect(bench.gateway.unavailableServers.isEmpty, "it takes what is posted")
            let next = try await RemoteTests.open(bench)
            #expect(try await next.say("echo", id: 1, #"{"message":"on"}"#).text == "on")
        }
    }

    @Test("a modern server that does not answer is away: the circuit opens for everybody")
    func silent() async throws {
        try await withRemote(
            ["modern", "deaf"], timeout: .milliseconds(500), endpoint: { $0.heartbeat = .milliseconds(100) }
        ) { bench, _ in
            _ = try await RemoteTests.open(bench)
            try await eventuallyTrue("the circuit to open", within: .seconds(30)) {
                bench.gateway.unavailableServers == ["remote"]
            }
        }
    }

    @Test(
        "C7, d5: all pages of a list that is kept here are looked at again, and only a change of their entries is one",
        arguments: [["mute"], ["modern"], ["sse-only", "mute"], ["no-stream"]])
    func pages(kind: [String]) async throws {
        try await withRemote(kind + ["pages"], endpoint: { $0.rediscovery = .milliseconds(200) }) {
            $0.aggregate = AggregateConfiguration()
        } _: { bench, remote in
            let client = try await bench.open("/mcp")
            let general = try await client.listen()
            let names = try await client.demand("tools/list").listed("tools")
            #expect(names == ["remote__first", "remote__echo"])
            func turned() -> Int { remote.seen.count { $0.method == "tools/list" && $0.body.contains("cursor") } }
            /// Requests of a session: those that are only to look have names for ids.
            func asked() -> Int { remote.seen.count { $0.method == "tools/list" && $0.object["id"] is Int } }
            let before = (turned: turned(), asked: asked())
            try await eventuallyTrue("both pages to be looked at") { turned() >= before.turned + 3 }
            #expect(asked() == before.asked, "other cursors are no change")
            let direct = try await RemoteTests.open(bench, "bob")
            #expect(try await direct.say("become", id: 2, #"{"tool":"other"}"#).text == "became")
            let news = try await general.next()?.data
            #expect(news?.contains("tools/list_changed") == true, "without a word of its client")
            let now = try await client.demand("tools/list").listed("tools")
            #expect(now == ["remote__first", "remote__other"])
        }
    }

    @Test(
        "C7: lists of prompts, resources and templates are looked at like those of tools",
        arguments: [["mute"], ["modern"], ["sse-only", "mute"]])
    func lists(kind: [String]) async throws {
        try await withRemote(kind, endpoint: { $0.rediscovery = .milliseconds(200) }) {
            $0.aggregate = AggregateConfiguration()
        } _: { bench, _ in
            let client = try await bench.open("/mcp")
            let general = try await client.listen()
            let direct = try await RemoteTests.open(bench, "bob")
            let kinds = [
                (method: "prompts/list", list: "prompts", what: "prompt", news: "prompts"),
                (method: "resources/list", list: "resources", what: "resource", news: "resources"),
                (method: "resources/templates/list", list: "resourceTemplates", what: "template", news: "resources"),
            ]
            // What nobody was told yet may be another one as soon as anything is.
            for kind in kinds { _ = try await client.demand(kind.method) }
            for kind in kinds {
                func told() async throws -> String { try await client.demand(kind.method).messages.joined() }
                #expect(try await told().contains("other") == false, "\(kind)")
                #expect(try await direct.say("become", id: 2, #"{"\#(kind.what)":"other"}"#).text == "became")
                let news = try await general.next()?.data
                #expect(news?.contains("notifications/\(kind.news)/list_changed") == true, "\(kind): \(news ?? "")")
                #expect(try await told().contains("other"), "\(kind)")
            }
        }
    }
}
