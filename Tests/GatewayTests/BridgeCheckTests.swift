import Foundation
import HTTP
import TestSupport
import Testing

@testable import Gateway

/// What is held against the rules on the way of a question and back.
@Suite("Questions and retries that break a rule", .timeLimit(.minutes(2)))
struct BridgeCheckTests {
    private static let accepted = #"{"action":"accept","content":{"name":"Ada"}}"#
    private static let mirroring = ServerDefinition.python(
        "demo",
        Script.legacy.replacing(
            "TOOLS = [",
            with:
                #"TOOLS = [{"name": "elicit", "inputSchema": {"properties": {"for": {"type": "string", "x-mcp-header": "For"}}}},"#
        ))

    @Test("M07, c13: a retry must mirror its arguments as the call did, and the question waits for one that does")
    func retries() async throws {
        try await withBench([Self.mirroring]) { bench in
            let client = bench.modern(capabilities: Bench.everything)
            let arguments = #"{"for":"a"}"#
            #expect(try await client.say("elicit", arguments).errorCode == -32020)
            let right = ["Mcp-Param-For": "a"]
            let asked = try await client.say("elicit", arguments, changing: right)
            let key = try #require(asked.key(of: "elicitation/create"))
            let retry = asked.retry([key: Self.accepted])
            for fields in [[:], ["Mcp-Param-For": "b"]] {
                let refused = try await client.say("elicit", arguments, retry, changing: fields)
                #expect(refused.status == 400 && refused.errorCode == -32020, "\(refused.messages)")
            }
            let done = try await client.say("elicit", arguments, retry, changing: right)
            #expect(done.text?.contains("Ada") == true, "\(done.messages)")
        }
    }

    @Test(
        "c16, c27: a question of a modern server that its client did not declare does not reach it",
        arguments: [
            (
                #"{"method":"elicitation/create","params":{"mode":"url","message":"m","url":"https://a.example/"}}"#,
                #"{"elicitation":{}}"#, #"{"elicitation":{"url":{}}}"#
            ),
            (
                #"{"method":"sampling/createMessage","params":{"messages":[],"maxTokens":1,"tools":[]}}"#,
                #"{"sampling":{}}"#, #"{"sampling":{"tools":{}}}"#
            ),
            (#"{"id":1,"method":"roots/list"}"#, "{}", #"{"roots":{}}"#),
        ])
    func undeclared(given: (question: String, declared: String, needed: String)) async throws {
        let result =
            #"{"result":{"resultType":"input_required","requestState":"s","inputRequests":{"k":\#(given.question)}}}"#
        try await withBench([.modern()]) { bench in
            let client = bench.modern(capabilities: given.declared)
            let refused = try await client.say("odd", result)
            #expect(refused.status == 400 && refused.errorCode == -32021, "\(refused.messages)")
            let data = (refused.object["error"] as? [String: Any])?["data"] as? [String: Any]
            let required = try JSONSerialization.data(
                withJSONObject: data?["requiredCapabilities"] ?? [:], options: .sortedKeys)
            #expect(String(decoding: required, as: UTF8.self) == given.needed)
            let able = bench.modern(capabilities: #"{"sampling":{"tools":{}},"elicitation":{"url":{}},"roots":{}}"#)
            #expect(try await able.say("odd", result).questions["k"] != nil)
        }
    }
}
