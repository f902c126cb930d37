import JSON
import Testing

@testable import MCP

/// What a modern server answers, as a modern client gets it, read without a server.
@Suite("Messages between two of the modern era")
struct RelayedMessageTests {
    private static func relayed(
        _ result: String, _ method: MCPMethod = .toolsList, isPrivate: Bool = false
    ) throws -> JSONNode {
        let response = try message(#"{"jsonrpc":"2.0","id":7,"result":\#(result)}"#)
        let answer = RelayedMessage.response(
            response, id: JSONRPCID(number: 1), method: method, state: nil, isPrivate: isPrivate)
        return try #require(try JSONDocument(parsing: answer.text).root["result"])
    }

    private static func hints(_ result: JSONNode) -> String {
        String(decoding: result["ttlMs"]?.bytes ?? [], as: UTF8.self) + " "
            + String(decoding: result["cacheScope"]?.bytes ?? [], as: UTF8.self)
    }

    @Test(
        "c25: what a server says of keeping is said as it is; what it does not say, or nobody understands, in the careful way",
        arguments: [
            (#"{"ttlMs":5,"cacheScope":"public"}"#, #"5 "public""#),
            (#"{"ttlMs":0,"cacheScope":"private"}"#, #"0 "private""#),
            (#"{"resultType":"complete","ttlMs":5}"#, #"5 "private""#),
            (#"{"cacheScope":"public"}"#, #"0 "public""#), ("{}", #"0 "private""#),
            (#"{"ttlMs":-1,"cacheScope":"everybody"}"#, #"0 "private""#),
            (#"{"ttlMs":"5","cacheScope":7}"#, #"0 "private""#), (#"{"ttlMs":null}"#, #"0 "private""#),
            (#"{"resultType":"input_required","inputRequests":{}}"#, " "),
            (#"{"ttlMs":5,"resultType":"input_required","cacheScope":"public"}"#, " "),
        ])
    func hints(said: String, told: String) throws {
        for method in [
            MCPMethod.serverDiscover, .toolsList, .promptsList, .resourcesList, .resourcesTemplatesList, .resourcesRead,
        ] { #expect(try Self.hints(Self.relayed(said, method)) == told, "\(method)") }
    }

    @Test("c25, M09: what is not as the server wrote it for everybody is private, whatever it says")
    func privateLists() throws {
        #expect(try Self.hints(Self.relayed(#"{"ttlMs":5,"cacheScope":"public"}"#, isPrivate: true)) == #"5 "private""#)
        #expect(try Self.hints(Self.relayed("{}", isPrivate: true)) == #"0 "private""#)
        // Results that have no hints get none.
        for method in [MCPMethod.toolsCall, .promptsGet, .completionComplete, .tasksGet, .other] {
            #expect(try Self.hints(Self.relayed("{}", method, isPrivate: true)) == " ", "\(method)")
        }
        // Of a task it says how long that is kept.
        #expect(try Self.hints(Self.relayed(#"{"resultType":"task","ttlMs":5}"#, .toolsCall)) == "5 ")
        #expect(
            try Self.hints(Self.relayed(#"{"cacheScope":"public"}"#, .promptsGet, isPrivate: true)) == #" "private""#)
    }
}
