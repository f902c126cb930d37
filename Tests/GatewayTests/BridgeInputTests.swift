import Foundation
import HTTP
import TestSupport
import Testing

@testable import Gateway

private let servers = [ServerDefinition.python("demo", Script.legacy)]

extension MCPAnswer {
    var state: String? { result?["requestState"] as? String }
    var questions: [String: [String: Any]] { result?["inputRequests"] as? [String: [String: Any]] ?? [:] }
    /// The key of the only question.
    func key(of method: String) -> String? { questions.first { $0.value["method"] as? String == method }?.key }

    /// The members of a retry: answers by key, as JSON.
    func retry(_ answers: [String: String], state other: String? = nil) -> String {
        let responses = answers.map { #""\#($0.key)":\#($0.value)"# }.joined(separator: ",")
        return #""inputResponses":{\#(responses)},"requestState":"\#(other ?? state ?? "")""#
    }
}

/// Multi round-trip requests in front of a server that asks in the middle of its work (c27).
@Suite("Questions of a legacy server to a modern client", .timeLimit(.minutes(2)))
struct BridgeInputTests {
    private static let accepted = #"{"action":"accept","content":{"name":"Ada"}}"#

    /// What the server has seen and done; asked by a request for which the server cannot ask anything.
    private static func seen(_ client: PlainModernMCP) async throws -> String {
        let prompts = try await client.ask("prompts/list").result?["prompts"] as? [[String: Any]]
        return prompts?.first?["name"] as? String ?? ""
    }

    @Test("c27, c22: the call is answered with the question, and the retry with what the server made of the answer")
    func elicitation() async throws {
        try await withBench(servers) { bench in
            let client = bench.modern(capabilities: Bench.everything)
            let asked = try await client.say("elicit", id: "5")
            #expect(asked.status == 200 && asked.result?["resultType"] as? String == "input_required")
            #expect(asked.result?["ttlMs"] == nil, "c25: no hints on questions")
            #expect(asked.object["id"] as? Int == 5 && asked.messages.count == 1, "c22: and nothing but the answer")
            let key = try #require(asked.key(of: "elicitation/create"))
            #expect((asked.questions[key]?["params"] as? [String: Any])?["message"] as? String == "Who?")
            let done = try await client.say("elicit", id: #""six""#, "{}", asked.retry([key: Self.accepted]))
            #expect(done.object["id"] as? String == "six" && done.result?["resultType"] as? String == "complete")
            #expect(done.text?.contains(#""name": "Ada""#) == true, "\(done.messages)")
            let prompt = try await client.ask("prompts/get", #""name":"p""#, name: "p")
            let second = try #require(prompt.key(of: "elicitation/create"))
            let got = try await client.ask(
                "prompts/get", #""name":"p",\#(prompt.retry([second: Self.accepted]))"#, name: "p")
            #expect((got.result?["description"] as? String)?.contains("Ada") == true)
            #expect(bench.gateway.processCount == 1)
        }
    }

    @Test("c27: questions at the same time are one round; what is missing is asked again, what is too much is ignored")
    func rounds() async throws {
        try await withBench(servers) { bench in
            let client = bench.modern(capabilities: Bench.everything)
            let asked = try await client.say("two")
            #expect(asked.questions.count == 2)
            let form = try #require(asked.key(of: "elicitation/create"))
            let sample = try #require(asked.key(of: "sampling/createMessage"))
            let again = try await client.say("two", "{}", asked.retry([form: Self.accepted, "other": "{}"]))
            #expect(Array(again.questions.keys) == [sample] && again.state != asked.state)
            let text = #"{"role":"assistant","content":{"type":"text","text":"ok"},"model":"m"}"#
            let done = try await client.say("two", "{}", again.retry([sample: text]))
            #expect(done.text?.contains("Ada") == true && done.text?.contains(#""model": "m""#) == true)
            // One after the other.
            let one = try await client.say("again")
            let two = try await client.say(
                "again", "{}", one.retry([try #require(one.key(of: "elicitation/create")): Self.accepted]))
            let roots = try #require(two.key(of: "roots/list"))
            let end = try await client.say("again", "{}", two.retry([roots: #"{"roots":[{"uri":"file:///r"}]}"#]))
            #expect(end.text?.contains("Ada") == true && end.text?.contains("file:///r") == true)
        }
    }

    @Test("M10: of seventy questions at once a server is told that six are too many, and the others are put")
    func manyQuestions() async throws {
        try await withBench(servers) { bench in
            let client = bench.modern(capabilities: Bench.everything)
            var answer = try await client.say("many", #"{"count":70}"#)
            // The server comes to this when it has asked everything.
            _ = try await Self.seen(client)
            var asked: Set<String> = []
            while answer.result?["resultType"] as? String == "input_required", !answer.questions.isEmpty {
                asked.formUnion(answer.questions.keys)
                let answers = answer.questions.mapValues { _ in Self.accepted }
                answer = try await client.say("many", #"{"count":70}"#, answer.retry(answers))
            }
            #expect(asked.count == 64)
            #expect(answer.text == "64 answers, refused: [1002, 1002, 1002, 1002, 1002, 1002]", "\(answer.messages)")
        }
    }

    @Test("M08, c27: a state is good once, for its principal, for its request, and only as it was given out")
    func hostileStates() async throws {
        try await withBench(servers) { bench in
            let client = bench.modern(capabilities: Bench.everything)
            let asked = try await client.say("elicit", #"{"for":"a"}"#)
            let key = try #require(asked.key(of: "elicitation/create"))
            let state = try #require(asked.state)
            func code(_ client: PlainModernMCP, _ tool: String, _ arguments: String, _ members: String) async throws
                -> Int?
            {
                let answer = try await client.say(tool, arguments, members)
                #expect(answer.status == 400 || answer.errorCode == nil)
                return answer.errorCode
            }
            let retry = asked.retry([key: Self.accepted])
            for token in ["bob", "alice-c2"] {
                let other = bench.modern(token, capabilities: Bench.everything)
                #expect(try await code(other, "elicit", #"{"for":"a"}"#, retry) == -32602, "\(token)")
            }
            #expect(try await code(client, "elicit", #"{"for":"b"}"#, retry) == -32602, "other arguments")
            #expect(try await code(client, "echo", #"{"for":"a"}"#, retry) == -32602, "another tool")
            for place in stride(from: 0, to: state.utf8.count, by: 9) {
                var bytes = Array(state.utf8)
                bytes[place] = bytes[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
                let forged = String(decoding: bytes, as: UTF8.self)
                let members = asked.retry([key: Self.accepted], state: forged)
                #expect(try await code(client, "elicit", #"{"for":"a"}"#, members) == -32602, "byte \(place)")
            }
            for odd in [
                #""requestState":7"#, #""requestState":"""#, #""requestState":"\#(state)","inputResponses":[]"#,
                #""requestState":"\#(state)","inputResponses":{"\#(key)":"x"}"#,
            ] {
                #expect(try await code(client, "elicit", #"{"for":"a"}"#, odd) == -32602, "\(odd)")
            }
            // A hundred at once: one of them is answered by the server.
            let answers = try await withThrowingTaskGroup(of: MCPAnswer.self) { group in
                for _ in 0..<20 { group.addTask { try await client.say("elicit", #"{"for":"a"}"#, retry) } }
                return try await group.reduce(into: [MCPAnswer]()) { $0.append($1) }
            }
            #expect(answers.filter { $0.text?.contains("Ada") == true }.count == 1)
            #expect(answers.filter { $0.errorCode != nil }.count == 19)
            #expect(try await client.say("elicit", #"{"for":"a"}"#, retry).errorCode != nil, "nor afterwards")
        }
    }

    @Test("B0.5: calls at the same time are asked each for itself, by processes of their own")
    func concurrent() async throws {
        try await withBench(servers) { bench in
            let client = bench.modern(capabilities: Bench.everything)
            try await withThrowingTaskGroup { group in
                for number in 0..<12 {
                    group.addTask {
                        let arguments = #"{"for":"n\#(number)="}"#
                        let asked = try await client.say("elicit", arguments)
                        let key = try #require(asked.key(of: "elicitation/create"))
                        let answer = #"{"action":"accept","content":{"name":"N\#(number)"}}"#
                        let done = try await client.say("elicit", arguments, asked.retry([key: answer]))
                        #expect(
                            done.text?.hasPrefix("n\(number)=") == true && done.text?.contains("\"N\(number)\"") == true
                        )
                    }
                }
                try await group.waitForAll()
            }
            #expect(bench.gateway.processCount <= 8)
        }
    }

    @Test("M10: calls that find every process taken by people who do not answer are told so in time, and others go on")
    func taken() async throws {
        let server = ServerDefinition.python("demo", Script.legacy, timeout: .seconds(2))
        try await withBench([server], change: { $0.limits.bridgedSessionsPerClient = 1 }) { bench in
            let client = bench.modern(capabilities: Bench.everything)
            let asked = try await client.say("elicit")
            let began = ContinuousClock.now
            let refused = try await client.say("elicit")
            #expect(refused.status == 429 && refused.response.header("retry-after") != nil)
            #expect(ContinuousClock.now - began >= .seconds(1.5))
            // A hundred at once: 64 wait, which takes two seconds, and the others are refused before.
            let answers = try await withThrowingTaskGroup(of: (status: Int, time: Duration).self) { group in
                for _ in 0..<100 {
                    group.addTask {
                        let began = ContinuousClock.now
                        return (try await client.say("elicit").status, ContinuousClock.now - began)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.allSatisfy { $0.status == 429 })
            #expect((1...36).contains(answers.count { $0.time < .seconds(2) }), "\(answers.map(\.time))")
            #expect(try await client.ask("tools/list").status == 200, "what nobody can be asked for shares")
            let key = try #require(asked.key(of: "elicitation/create"))
            let done = try await client.say("elicit", "{}", asked.retry([key: Self.accepted]))
            #expect(done.text?.contains("Ada") == true)
            #expect(try await client.say("echo", #"{"message":"x"}"#).text == "x", "the process is free again")
        }
    }

    @Test("B4: a server that asks without a call, or for what the client did not declare, is refused")
    func refusals() async throws {
        try await withBench(servers) { bench in
            let client = bench.modern(capabilities: Bench.everything)
            #expect(try await client.say("late-ask").text == "soon")
            try await eventuallyTrue("the server was refused") {
                try await Self.seen(client).contains("-32602")
            }
            let poor = bench.modern(capabilities: #"{"elicitation":{"url":{}}}"#)
            #expect(try await poor.say("elicit").text?.contains("-32602") == true)
            #expect(try await poor.say("two").text?.contains("-32601") == true)
            #expect(try await bench.modern().say("elicit").text?.contains("-32602") == true)
        }
    }

    /// A question, what a client declares instead of it, and what it had to declare.
    static let undeclared: [(question: String, declared: String, needed: String)] = [
        (#""method":"elicitation/create""#, "{}", #"{"elicitation":{"form":{}}}"#),
        (#""method":"elicitation/create""#, #"{"elicitation":{"url":{}}}"#, #"{"elicitation":{"form":{}}}"#),
        (#""method":"sampling/createMessage","params":{}"#, #"{"roots":{}}"#, #"{"sampling":{}}"#),
        (
            #""method":"sampling/createMessage","params":{"tools":[]}"#, #"{"sampling":{}}"#,
            #"{"sampling":{"tools":{}}}"#
        ),
    ]

    @Test(
        "B4, c16: a tool that asks for what the client did not declare, and then fails, is -32021 with its words",
        arguments: undeclared, ["isError", "error"])
    func needed(case given: (question: String, declared: String, needed: String), failing: String) async throws {
        try await withBench(servers) { bench in
            let client = bench.modern(capabilities: given.declared)
            let failed = try await client.say("needy", #"{\#(given.question),"failing":"\#(failing)"}"#)
            #expect(failed.status == 400 && failed.errorCode == -32021, "\(failed.messages)")
            #expect(failed.errorMessage?.contains("cannot go on") == true)
            let data = (failed.object["error"] as? [String: Any])?["data"] as? [String: Any]
            let required = try JSONSerialization.data(
                withJSONObject: data?["requiredCapabilities"] ?? [:], options: .sortedKeys)
            #expect(String(decoding: required, as: UTF8.self) == given.needed)
            // At the same process: whoever asks for nothing fails for reasons of its own.
            let other = try await client.say("fail", #"{"error":{"code":-32603,"message":"broken"}}"#)
            #expect(other.errorCode == -32603 && other.errorMessage == "broken")
            let habit = try await bench.modern(capabilities: #"{"sampling":{}}"#).say(
                "needy", #"{"method":"roots/list","params":{},"failing":"\#(failing)"}"#)
            #expect(habit.errorCode != -32021)
        }
    }

    @Test("B1: a server that goes on without the answer is heard at the retry")
    func impatient() async throws {
        try await withBench(servers) { bench in
            let client = bench.modern(capabilities: Bench.everything)
            let asked = try await client.say("impatient", id: "1")
            try await eventuallyTrue("the server has gone on") { try await Self.seen(client).contains("went on") }
            let key = try #require(asked.key(of: "elicitation/create"))
            let done = try await client.say("impatient", id: "2", "{}", asked.retry([key: Self.accepted]))
            #expect(done.text == "went on" && done.object["id"] as? Int == 2)
        }
    }

    @Test(
        "c16, B1, B4: a page to open is a question too, and then the call is made anew; without the capability it is -32021"
    )
    func pages() async throws {
        try await withBench(servers) { bench in
            let poor = bench.modern(capabilities: #"{"elicitation":{}}"#)
            let refused = try await poor.say("url")
            #expect(refused.status == 400 && refused.errorCode == -32021)
            let data = (refused.object["error"] as? [String: Any])?["data"] as? [String: Any]
            #expect(data?["requiredCapabilities"] != nil)
            let client = bench.modern(capabilities: Bench.everything)
            let asked = try await client.say("url")
            let key = try #require(asked.key(of: "elicitation/create"))
            let params = asked.questions[key]?["params"] as? [String: Any]
            #expect(params?["url"] as? String == "https://example.com/x" && params?["elicitationId"] == nil)
            #expect(try await client.say("url", "{}", asked.retry([key: #"{"action":"accept"}"#])).text == "opened")
        }
    }

    @Test("B4: when the process of a parked call is gone, the retry says so and nothing is run again")
    func lost() async throws {
        try await withBench(servers) { bench in
            let client = bench.modern(capabilities: Bench.everything)
            let asked = try await client.say("elicit")
            let key = try #require(asked.key(of: "elicitation/create"))
            for session in bench.gateway.directory.all { await session.finish(.unresponsive) }
            let answer = try await client.say("elicit", "{}", asked.retry([key: Self.accepted]))
            #expect(answer.errorCode == -32603 && answer.errorMessage?.contains("call again") == true)
            #expect(try await client.say("echo", #"{"message":"x"}"#).text == "x", "a new process")
            #expect(try await client.say("exit").errorCode == -32603)
            #expect(try await client.say("echo", #"{"message":"y"}"#).text == "y")
        }
    }
}
