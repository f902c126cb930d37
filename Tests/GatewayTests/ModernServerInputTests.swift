import Foundation
import HTTP
import TestSupport
import Testing

@testable import Gateway

/// Results that ask for input, put to legacy clients as requests (c27, mcp.md B1 "Pump").
@Suite("Questions of a modern server to a legacy client", .timeLimit(.minutes(2)))
struct ModernServerInputTests {
    private static let accepted = #""result":{"action":"accept","content":{"name":"Ada"}}"#

    @Test("B1: each question is a request on the caller's stream; the retry has the answers and the exact state")
    func pump() async throws {
        try await withBench([.modern()]) { bench in
            let client = try await bench.legacy()
            let (questions, answer) = try await client.conversation("elicit") { _ in Self.accepted }
            #expect(questions.map { $0["method"] as? String } == ["elicitation/create"])
            #expect((questions.first?["params"] as? [String: Any])?["message"] as? String == "Who?")
            let told = try #require(answer.parsedText)
            #expect(told["state"] as? String == "st\u{e9}\"ate/\\", "byte for byte")
            let answers = told["answers"] as? [String: [String: Any]]
            #expect(answers?["k/1"]?["action"] as? String == "accept" && answers?.count == 1)
            #expect(answer.object["id"] as? Int == 3 && answer.result?["resultType"] == nil)

            let two = try await client.conversation("two") { question in
                question["method"] as? String == "elicitation/create"
                    ? Self.accepted
                    : #""result":{"role":"assistant","content":{"type":"text","text":"ok"},"model":"m"}"#
            }
            #expect(two.questions.count == 2 && two.last.text?.contains("Ada") == true)
            #expect(
                two.last.text?.contains(#""model": "m""#) == true && two.last.text?.hasSuffix("None") == true,
                "no state")

            let again = try await client.conversation("again") { question in
                question["method"] as? String == "roots/list"
                    ? #""result":{"roots":[{"uri":"file:///r"}]}"# : Self.accepted
            }
            #expect(again.questions.count == 2)
            #expect(
                again.last.text?.contains("Ada") == false && again.last.text?.contains("file:///r") == true,
                "this round's only")
            let prompt = try await client.conversation("p", method: "prompts/get") { _ in Self.accepted }
            #expect((prompt.last.result?["description"] as? String)?.contains("Ada") == true)
            let seen = try #require(try await client.say("seen").parsedText)
            #expect((seen["faults"] as? [String])?.isEmpty == true, "d1: no responses on its input: \(seen)")
        }
    }

    @Test("B1: a client that refuses cancels a form; for sampling and roots the call ends")
    func refusals() async throws {
        try await withBench([.modern()]) { bench in
            let client = try await bench.legacy()
            let error = #""error":{"code":-1,"message":"no"}"#
            let form = try await client.conversation("elicit") { _ in error }
            #expect(form.last.text?.contains(#""action": "cancel""#) == true, "\(form.last.messages)")
            for tool in ["sample", "roots"] {
                let refused = try await client.conversation(tool) { _ in error }
                #expect(refused.last.result?["isError"] as? Bool == true, "\(refused.last.messages)")
            }
            let prompt = try await client.conversation("sample", method: "prompts/get") { _ in error }
            #expect(prompt.last.errorCode == -32603, "\(prompt.last.messages)")
            let declined = try await client.conversation("elicit") { _ in #""result":{"action":"decline"}"# }
            #expect(declined.last.text?.contains(#""action": "decline""#) == true)
        }
    }

    @Test("B1: what the client did not declare it is not asked, whatever the server says")
    func undeclared() async throws {
        try await withBench([.modern()]) { bench in
            let client = try await bench.legacy(capabilities: #"{"roots":{}}"#)
            for tool in ["elicit", "sample", "url"] {
                let answer = try await client.say(tool)
                #expect(answer.messages.count == 1 && answer.result?["isError"] as? Bool == true, "\(answer.messages)")
            }
            let old = try await bench.legacy("2025-03-26")
            #expect(try await old.say("elicit").result?["isError"] as? Bool == true, "B3: no elicitation before 25-06")
        }
    }

    @Test("B1: rounds without questions are paused and tried again; rounds without end are ended")
    func rounds() async throws {
        try await withBench([.modern()]) { bench in
            let client = try await bench.legacy()
            let began = ContinuousClock.now
            #expect(try await client.say("patience").text == "at last n3")
            #expect(ContinuousClock.now - began >= .milliseconds(150))
            let endless = try await client.conversation("forever") { _ in Self.accepted }
            #expect(endless.questions.count == 10 && endless.last.result?["isError"] as? Bool == true)
        }
    }

    @Test("B1: a page is opened once, under an id of ours, however often the server asks whether it was")
    func pages() async throws {
        try await withBench([.modern()]) { bench in
            let client = try await bench.legacy()
            let (questions, answer) = try await client.conversation("waiting") { _ in #""result":{"action":"accept"}"# }
            #expect(questions.count == 1)
            let params = questions.first?["params"] as? [String: Any]
            #expect(params?["url"] as? String == "https://example.com/x" && params?["elicitationId"] is String)
            #expect(answer.text?.contains(#""action": "accept""#) == true, "\(answer.messages)")
        }
    }

    @Test("B1: forms in words of 2025-06-18; several choices at once cannot be asked there")
    func forms() async throws {
        try await withBench([.modern()]) { bench in
            let client = try await bench.legacy("2025-06-18")
            let (questions, _) = try await client.conversation("elicit") { _ in Self.accepted }
            let params = try #require(questions.first?["params"] as? [String: Any])
            let properties = (params["requestedSchema"] as? [String: Any])?["properties"] as? [String: [String: Any]]
            let size = try #require(properties?["size"])
            #expect(params["mode"] == nil && size["oneOf"] == nil)
            #expect(size["enum"] as? [String] == ["s", "l"] && size["enumNames"] as? [String] == ["Small", "Large"])
            let many = try await client.say("many")
            #expect(many.messages.count == 1 && many.text?.contains(#""action": "cancel""#) == true)
            let new = try await bench.legacy()
            let (asked, _) = try await new.conversation("many") { _ in Self.accepted }
            #expect(asked.count == 1)
        }
    }

    @Test("B1: when the call is cancelled its questions are taken back, and nothing is tried again")
    func cancelled() async throws {
        try await withBench([.modern()]) { bench in
            let client = try await bench.legacy()
            let stream = try await client.streamed(PlainMCP.call("elicit", id: 3))
            var question: Int?
            while question == nil, let event = try await stream.next() {
                guard let data = event.data, !data.isEmpty else { continue }
                let object = try JSONSerialization.jsonObject(with: Data(data.utf8)) as? [String: Any]
                question = object?["id"] as? Int
            }
            let number = try #require(question)
            _ = try await client.send(#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":3}}"#)
            let rest = try await stream.rest().compactMap(\.data)
            #expect(rest.contains { $0.contains("1003") }, "\(rest)")
            let late = try await client.send(#"{"jsonrpc":"2.0","id":\#(number),\#(Self.accepted)}"#)
            #expect(late.status == 400, "nobody asks any more")
            let seen = try #require(try await client.say("seen").parsedText)
            #expect((seen["seen"] as? [String])?.filter { $0 == "tools/call" }.count == 1, "\(seen)")
        }
    }
}
