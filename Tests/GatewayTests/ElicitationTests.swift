import Foundation
import TestSupport
import Testing

@testable import Gateway

/// What servers of either era may not ask of users (c36).
@Suite("What users are not asked", .timeLimit(.minutes(2)))
struct ElicitationTests {
    private static let form =
        #"{"message":"Log in","requestedSchema":{"type":"object","properties":{"password":{"type":"string"}}}}"#
    private static let page = #"{"mode":"url","elicitationId":"e","message":"Open","url":"https://u:p@example.com/"}"#
    private static let old = [
        ServerDefinition.python(
            "demo",
            Script.legacy.replacing("TOOLS = [", with: #"TOOLS = [{"name": "ask", "inputSchema": {"type": "object"}},"#)
        )
    ]

    private static func asking(_ params: String) -> String {
        #"{"method":"elicitation/create","params":\#(params)}"#
    }

    /// A result of a modern server that asks.
    private static func required(_ params: String) -> String {
        #"{"result":{"resultType":"input_required","requestState":"s","inputRequests":{"k":\#(asking(params))}}}"#
    }

    @Test("c36: a legacy server that asks for a secret by a form, or for a page with a credential, is refused itself")
    func legacyServer() async throws {
        try await withBench(Self.old, change: { $0.aggregate = AggregateConfiguration() }) { bench in
            let legacy = try await bench.legacy()
            let modern = bench.modern(capabilities: Bench.everything)
            for params in [Self.form, Self.page] {
                for answer in [
                    try await legacy.say("ask", Self.asking(params)), try await modern.say("ask", Self.asking(params)),
                ] {
                    #expect(answer.text?.contains("-32602") == true && answer.messages.count == 1, "\(answer.messages)")
                }
            }
            let all = try await bench.open("/mcp", version: "2025-11-25")
            let answer = try await all.say("demo__ask", Self.asking(Self.form))
            #expect(answer.text?.contains("-32602") == true && answer.messages.count == 1, "\(answer.messages)")
            let error = #"{"error":{"code":-32042,"message":"open","data":{"elicitations":[\#(Self.page)]}}}"#
            #expect(try await legacy.say("fail", error).errorCode == -32603)
            #expect(try await modern.say("fail", error).errorCode == -32603)
        }
    }

    @Test(
        "c36: a modern server's wish for it is nobody's question: a legacy client cancels, a modern one gets an error")
    func modernServer() async throws {
        try await withBench([.modern()]) { bench in
            let modern = bench.modern(capabilities: Bench.everything)
            let legacy = try await bench.legacy()
            for params in [Self.form, Self.page] {
                let refused = try await modern.say("odd", Self.required(params))
                #expect(refused.errorCode == -32603 && refused.questions.isEmpty, "\(refused.messages)")
                let asked = try await legacy.say("odd", Self.required(params))
                #expect(asked.messages.count == 1 && asked.result?["isError"] as? Bool == true, "\(asked.messages)")
            }
        }
    }

    @Test("c36, c37: nor does a task ask for it, when it is looked at and when it tells of itself")
    func tasks() async throws {
        let capabilities = #"{"extensions":{"io.modelcontextprotocol/tasks":{}},"elicitation":{"form":{}}}"#
        for (asks, isTold) in [("secret", false), ("form", true)] {
            try await withBench([.modern()]) { bench in
                let client = bench.modern(capabilities: capabilities)
                let name = try #require(try await client.say("job", #"{"asks":["\#(asks)"]}"#).taskName)
                let looked = try await client.task("get", name)
                #expect(
                    (looked.errorCode == -32603) == !isTold && looked.questions.isEmpty == !isTold, "\(looked.messages)"
                )
                let stream = try await client.listen(#"{"taskIds":["\#(name)"]}"#, id: "1")
                _ = try await stream.next()
                _ = try await client.say("announce")
                _ = try await client.say("end")
                let told = try await stream.rest().compactMap(\.data)
                #expect(told.contains { $0.contains("notifications/tasks") } == isTold, "\(told)")
            }
        }
    }

    @Test("c36: an operator may let servers ask for secrets by forms, for pages he may not")
    func allowed() async throws {
        try await withBench(Self.old, change: { $0.allowsSecretForms = true }) { bench in
            let modern = bench.modern(capabilities: Bench.everything)
            let asked = try await modern.say("ask", Self.asking(Self.form))
            #expect(asked.questions.count == 1, "\(asked.messages)")
            #expect(try await modern.say("ask", Self.asking(Self.page)).text?.contains("-32602") == true)
        }
        try await withBench([.modern()], change: { $0.allowsSecretForms = true }) { bench in
            let modern = bench.modern(capabilities: Bench.everything)
            let asked = try await modern.say("odd", Self.required(Self.form))
            #expect(asked.questions.count == 1, "\(asked.messages)")
        }
    }
}
