import Crypto
import Foundation
import HTTP
import OAuth
import Telemetry
import TestSupport
import Testing

@testable import Gateway

private let both: [ServerDefinition] = [.member("one"), .member("two", #""tools":["links","update","seen"]"#)]

/// Resources, templates and pages of several servers as one.
@Suite("Aggregation: resources and pages", .timeLimit(.minutes(2)))
struct AggregateResourceTests {
    @Test("C4: resources and templates have their server in the scheme, and reading finds it")
    func resources() async throws {
        try await withAggregate(both) { bench in
            let client = try await bench.open("/mcp")
            #expect(
                try await client.demand("resources/list").listed("resources", by: "uri")
                    == ["one+file:///x", "two+file:///x"])
            #expect(
                try await client.demand("resources/templates/list").listed("resourceTemplates", by: "uriTemplate")
                    == ["one+file:///{path}", "two+file:///{path}"])
            // Also one that no list names.
            for (server, uri) in [("two", "two+file:///x"), ("one", "one+git+ssh://h/y%2B?a=b#c")] {
                let answer = try await client.demand("resources/read", #"{"uri":"\#(uri)"}"#)
                let content = try #require((answer.result?["contents"] as? [[String: Any]])?.first)
                #expect(content["uri"] as? String == uri)
                #expect(content["text"] as? String == "\(uri.dropFirst(4)) of \(server)")
            }
            let missing = try await client.demand("resources/read", #"{"uri":"two+file:///missing"}"#)
            #expect(
                missing.errorCode == -32002 && missing.messages.last?.contains(#""uri": "two+file:///missing""#) == true
            )
            for uri in ["file:///x", "three+file:///x", "+file:///x", "ui://none", ""] {
                let answer = try await client.demand("resources/read", #"{"uri":"\#(uri)"}"#)
                #expect(answer.errorCode == -32602, "\(uri): \(answer.messages)")
            }
        }
    }

    @Test("C4: links in results have it too, texts and structured content do not")
    func links() async throws {
        try await withAggregate(both) { bench in
            let client = try await bench.open("/mcp")
            let answer = try await client.say("two__links")
            let content = try #require(answer.result?["content"] as? [[String: Any]])
            #expect(content[0]["text"] as? String == "file:///x")
            #expect(content[1]["uri"] as? String == "two+file:///x")
            let embedded = content[2]["resource"] as? [String: Any]
            #expect(embedded?["uri"] as? String == "two+file:///y" && embedded?["text"] as? String == "file:///y")
            #expect(content[3]["uri"] as? String == "ui://view")
            #expect((answer.result?["structuredContent"] as? [String: Any])?["uri"] as? String == "file:///x")
        }
    }

    @Test("C4: ui:// stays and is found by table; of two servers with one view the first has it")
    func views() async throws {
        let servers: [ServerDefinition] = [
            .member("one", #""tools":["viewed"],"view":"ui://v","resources":["ui://v"]"#),
            .member("two", #""tools":["viewed"],"view":"ui://v","resources":["ui://v","ui://w","file:///x"]"#),
        ]
        try await withAggregate(servers) { bench in
            let client = try await bench.open("/mcp")
            let read = try await client.demand("resources/read", #"{"uri":"ui://w"}"#)
            #expect(read.messages.last?.contains("ui://w of two") == true, "\(read.messages)")
            let first = try await client.demand("resources/read", #"{"uri":"ui://v"}"#)
            #expect(first.messages.last?.contains("ui://v of one") == true)
            #expect(
                try await client.demand("resources/list").listed("resources", by: "uri")
                    == ["ui://v", "ui://w", "two+file:///x"])
            let tools = try #require(try await client.demand("tools/list").result?["tools"] as? [[String: Any]])
            #expect(
                ((tools[0]["_meta"] as? [String: Any])?["ui"] as? [String: Any])?["resourceUri"] as? String == "ui://v")
            #expect((tools[1]["_meta"] as? [String: Any])?["ui"] == nil && tools[1]["name"] as? String == "two__viewed")
        }
    }

    @Test("C4: subscriptions go to the owner, and what it says comes back under the client's URI")
    func subscriptions() async throws {
        try await withAggregate(both) { bench in
            let client = try await bench.open("/mcp")
            let listening = try await client.listen()
            let subscribed = try await client.demand("resources/subscribe", #"{"uri":"two+file:///x"}"#)
            #expect(subscribed.result?.isEmpty == true, "\(subscribed.messages)")
            _ = try await client.say("two__update", #"{"uris":["file:///x/y","ui://z"]}"#)
            var updated: [String] = []
            while updated.count < 2, let event = try await listening.next() {
                if event.object["method"] as? String == "notifications/resources/updated" {
                    updated.append((event.object["params"] as? [String: Any])?["uri"] as? String ?? "")
                }
            }
            #expect(updated == ["two+file:///x/y", "ui://z"])
            #expect(
                try await client.seen(by: "two").contains(
                    #"{"method": "resources/subscribe", "params": {"uri": "file:///x"}}"#))
            #expect(try await client.demand("resources/subscribe", #"{"uri":"none+file:///x"}"#).errorCode == -32602)
            #expect(
                try await client.demand("resources/unsubscribe", #"{"uri":"two+file:///x"}"#).result?.isEmpty == true)
        }
    }

    @Test("C5: what servers give in pages is one list; an empty cursor is a cursor")
    func learntPages() async throws {
        let names = (0..<7).map { "t\($0)" }
        let tools = names.map { "\"\($0)\"" }.joined(separator: ",")
        let servers: [ServerDefinition] = [
            .member("one", #""tools":[\#(tools)],"page":3"#), .member("two", #""tools":["seen","a"],"page":1"#),
        ]
        try await withAggregate(servers) { bench in
            let client = try await bench.open("/mcp")
            let list = try await client.demand("tools/list")
            #expect(list.listed("tools") == names.map { "one__\($0)" } + ["two__seen", "two__a"])
            #expect(list.result?["nextCursor"] == nil)
            #expect(try await client.say("one__t6").said["tool"] as? String == "t6")
        }
    }

    @Test("C5, M08, M09: long lists come in pages behind sealed cursors, good for their user alone")
    func pages() async throws {
        let many = (0..<25).map { "\"file:///\($0)\"" }.joined(separator: ",")
        // Ten pages of one are learnt, the rest the client turns itself.
        let servers: [ServerDefinition] = [
            .member("one", #""resources":[\#(many)],"page":1"#), .member("two", #""resources":["file:///last"]"#),
        ]
        try await withAggregate(servers) { bench in
            let client = try await bench.open("/mcp")
            var all: [String] = []
            var cursor: String?
            var cursors: [String] = []
            repeat {
                let params = cursor.map { #"{"cursor":"\#($0)"}"# } ?? "{}"
                let page = try await client.demand("resources/list", params)
                #expect(page.status == 200 && page.result != nil, "\(page.messages)")
                all += page.listed("resources", by: "uri")
                cursor = page.result?["nextCursor"] as? String
                if let cursor { cursors.append(cursor) }
            } while cursor != nil && cursors.count < 40
            #expect(all == (0..<25).map { "one+file:///\($0)" } + ["two+file:///last"])
            let some = try #require(cursors.first)
            // What was sealed, not its letters: three of those stand together by chance.
            let sealed = String(decoding: try #require(Base64URL.decode(Array(some.utf8))), as: UTF8.self)
            #expect(!sealed.contains("one+") && !sealed.contains("file"))
            let stranger = try await bench.open("/mcp", "bob")
            #expect(try await stranger.demand("resources/list", #"{"cursor":"\#(some)"}"#).errorCode == -32602)
            #expect(try await client.demand("tools/list", #"{"cursor":"\#(some)"}"#).errorCode == -32602)
            for bad in ["\"\"", "\"x\"", "5", "null", "\"\(some.dropLast())\"", "\"B\(some.dropFirst())\""] {
                #expect(try await client.demand("resources/list", #"{"cursor":\#(bad)}"#).errorCode == -32602, "\(bad)")
            }
            // Another session of the same user goes on where this one was.
            let second = try await bench.open("/mcp", "alice-again")
            #expect(
                try await second.demand("resources/list", #"{"cursor":"\#(some)"}"#).listed("resources", by: "uri") == [
                    "one+file:///10"
                ])
        }
    }

    @Test("C5: a server that does not give its list costs its own entries; without any there is an error")
    func brokenList() async throws {
        let servers: [ServerDefinition] = [.member("one", #""broken":"tools""#), .member("two")]
        try await withAggregate(servers) { bench in
            let client = try await bench.open("/mcp")
            #expect(try await client.demand("tools/list").listed("tools") == ["two__echo"])
        }
        try await withAggregate([.member("one", #""broken":"tools""#)]) { bench in
            let client = try await bench.open("/mcp")
            #expect(try await client.demand("tools/list").errorCode == -32603)
            #expect(try await client.demand("prompts/list").listed("prompts") == ["one__greet"])
        }
    }

    @Test("C7: a list is asked for once while its server says when it changes, anew in every session")
    func caching() async throws {
        try await withAggregate([.member("one", #""tools":["seen"]"#)]) { bench in
            let client = try await bench.open("/mcp")
            for _ in 0..<3 { #expect(try await client.demand("tools/list").listed("tools") == ["one__seen"]) }
            #expect(try await client.seen(by: "one").components(separatedBy: #""list": "tools""#).count == 2)
            let other = try await bench.open("/mcp", "bob")
            #expect(try await other.demand("tools/list").listed("tools") == ["one__seen"])
            #expect(try await other.seen(by: "one").components(separatedBy: #""list": "tools""#).count == 2)
        }
    }

    @Test("R05: a tool that is kept from clients is absent and refused, and one has the name that it was given")
    func filtered() async throws {
        var server = ServerDefinition.member("one", #""tools":["echo","secret","old"]"#)
        server.tools = ToolFilter(deny: ["secret"], rename: ["old": "new"])
        try await withAggregate([server, .member("two", #""tools":["secret"]"#)]) { bench in
            let client = try await bench.open("/mcp")
            #expect(try await client.demand("tools/list").listed("tools") == ["one__echo", "one__new", "two__secret"])
            #expect(try await client.say("one__new").said["tool"] as? String == "old")
            for name in ["one__secret", "one__old", "secret"] {
                let answer = try await client.say(name)
                #expect(answer.errorCode == -32602 && answer.errorMessage == "Unknown tool", "\(name)")
            }
            let call = try #require(bench.trail.all.first { $0.tool == "old" })
            #expect(call.server == "one")
        }
    }

    @Test("R05: a server whose scopes a token lacks does not exist in the aggregate")
    func scopes() async throws {
        var hidden = ServerDefinition.member("hidden")
        hidden.requiredScopes = ["admin"]
        try await withAggregate([.member("one"), hidden]) { bench in
            let client = try await bench.open("/mcp")
            #expect(try await client.demand("tools/list").listed("tools") == ["one__echo"])
            let refused = try await client.say("hidden__echo")
            #expect(refused.errorCode == -32602 && refused.errorMessage == "Unknown tool")
            #expect(try await client.demand("resources/read", #"{"uri":"hidden+file:///x"}"#).errorCode == -32602)
            #expect(bench.gateway.processCount == 1)
        }
    }
}
