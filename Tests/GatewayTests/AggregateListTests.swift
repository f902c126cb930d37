import Foundation
import HTTP
import TestSupport
import Testing

@testable import Gateway

/// Servers behind the address of all that are there and do not say what they have.
@Suite("Aggregation: lists that are not given", .timeLimit(.minutes(2)))
struct AggregateListTests {
    @Test("C5, c13: a modern client's call waits for no server but its own, and what that wants mirrored is checked")
    func modernCall() async throws {
        let servers: [ServerDefinition] = [
            .member("hung", #""mute":"tools""#), .member("one", #""tools":["echo","mirrored","add"]"#),
        ]
        try await withAggregate(servers) {
            // Longer than the client waits.
            $0.aggregate?.listPatience = .seconds(90)
        } _: { bench in
            let client = bench.all()
            #expect(try await client.say("one__echo").said["server"] as? String == "one")
            let arguments = #"{"region":"eu"}"#
            #expect(try await client.say("one__mirrored", arguments).errorCode == -32020)
            for region in ["eu", "us", "eu"] {
                let answer = try await client.say("one__mirrored", arguments, changing: ["Mcp-Param-Region": region])
                #expect(answer.errorCode == (region == "eu" ? nil : -32020), "\(answer.messages)")
            }
            // Known ones are not asked about again, until the list changes.
            #expect(try await client.say("one__add", #"{"tools":["more"]}"#).text == "added")
            try await eventuallyTrue("the new one is there") {
                try await client.say("one__more").said["tool"] as? String == "more"
            }
            #expect(try await client.say("one__mirrored", arguments).errorCode == -32020)
        }
    }

    @Test(
        "C5, F04: a server that does not give its list, or not in time, is absent from it, says so, and is told of later",
        arguments: ["mute", "broken"])
    func missing(way: String) async throws {
        let directory = try TemporaryDirectory()
        let servers: [ServerDefinition] = [
            .member("one"), .member("late", #""\#(way)":"tools","until":"\#(directory.path)/well""#),
        ]
        try await withAggregate(servers) {
            $0.aggregate?.listPatience = .seconds(2)
        } _: { bench in
            let client = try await bench.open("/mcp")
            let listening = try await client.listen()
            // While it waits for its answer, a client hears on that stream.
            let first = try await client.demand("tools/list")
            #expect(first.listed("tools") == ["one__echo"])
            let said = first.messages.first ?? ""
            #expect(said.contains("late") && said.contains("does not answer"), "\(first.messages)")
            // It is not waited for again, by nobody.
            for _ in 0..<3 {
                #expect(try await client.demand("tools/list").listed("tools") == ["one__echo"])
            }
            let absent = try await client.say("late__echo")
            #expect(
                absent.errorCode == -32603 && absent.errorMessage == #"The server "late" is not available"#,
                "\(absent.messages)")
            #expect(try await client.demand("prompts/list").listed("prompts") == ["one__greet", "late__greet"])
            try directory.write("well", "")
            let told = try await listening.methods {
                $0.object["method"] as? String == "notifications/tools/list_changed"
            }
            #expect(told.contains("notifications/message"), "\(told)")
            #expect(try await client.demand("tools/list").listed("tools") == ["one__echo", "late__echo"])
            #expect(try await client.say("late__echo").said["server"] as? String == "late")
        }
    }

    @Test("C12, c58: whoever is sent to a page by an error of a server, of either era, learns by which server")
    func pages() async throws {
        try await withAggregate([.member("one", #""tools":["url"]"#), .member("two")]) { bench in
            let legacy = try await bench.open("/mcp", version: "2025-11-25")
            let refused = try await legacy.say("one__url")
            let error = refused.object["error"] as? [String: Any]
            let asked = (error?["data"] as? [String: Any])?["elicitations"] as? [[String: Any]]
            #expect(refused.errorCode == -32042 && asked?.first?["message"] as? String == "[one] Open")
            let modern = try await bench.all(capabilities: Bench.everything).say("one__url")
            let question = modern.questions.values.first?["params"] as? [String: Any]
            #expect(question?["message"] as? String == "[one] Open", "\(modern.messages)")
        }
    }

    @Test("U-09, C2: a tool or prompt with a name that models refuse has another one at /mcp, by which it is used")
    func names() async throws {
        let own = ["a:b", "a.b", "\u{e9}", "plain"]
        let listed = own.map { #""\#($0)""# }.joined(separator: ",")
        let servers: [ServerDefinition] = [
            .member("one", #""tools":[\#(listed)],"prompts":[\#(listed)]"#), .member("two"),
        ]
        try await withAggregate(servers) { bench in
            let client = try await bench.open("/mcp")
            let names = try await client.demand("tools/list").listed("tools").filter { $0.hasPrefix("one__") }
            #expect(names.last == "one__plain" && Set(names).count == 4)
            #expect(
                names.allSatisfy {
                    $0.utf8.allSatisfy {
                        "_-".utf8.contains($0) || Character(UnicodeScalar($0)).isLetter
                            || Character(UnicodeScalar($0)).isNumber
                    }
                })
            for (name, tool) in zip(names, own) {
                #expect(try await client.say(name).said["tool"] as? String == tool, "\(name)")
            }
            #expect(try await bench.all().say(names[0]).said["tool"] as? String == "a:b")
            #expect(try await client.demand("prompts/list").listed("prompts").prefix(4) == names[...])
            let prompt = try await client.demand("prompts/get", #"{"name":"\#(names[1])"}"#)
            #expect(prompt.messages.last?.contains(#""text": "a.b""#) == true, "\(prompt.messages)")
            // Alone, nothing is changed.
            let alone = try await bench.open("/one/mcp")
            #expect(try await alone.demand("tools/list").listed("tools") == own)
        }
    }
}
