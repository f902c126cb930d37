import HTTP
import JSON
import MCP
import Testing

private func node(_ text: String) throws -> JSONNode { try JSONDocument(parsing: Array(text.utf8)).root }

@Suite("Messages between the eras")
struct ModernMessageTests {
    @Test(
        "B1: what a client declares becomes what initialize of 2025-11-25 declares",
        arguments: [
            ("{}", "{}"), (#"{"roots":{}}"#, #"{"roots":{}}"#),
            (#"{"elicitation":{}}"#, #"{"elicitation":{"form":{}}}"#),
            (#"{"elicitation":{"url":{}}}"#, #"{"elicitation":{"url":{}}}"#),
            (#"{"elicitation":{"form":{},"url":{}},"x":{}}"#, #"{"elicitation":{"form":{},"url":{}}}"#),
            (
                #"{"sampling":{"tools":{},"context":{}},"extensions":{"a/b":{}}}"#,
                #"{"sampling":{"tools":{},"context":{}}}"#
            ),
            (#"{"roots":true,"sampling":[],"elicitation":null}"#, "{}"),
        ])
    func capabilities(declared: String, handshake: String) throws {
        let text = ClientCapabilities(try node(declared)).handshake.serialized()
        #expect(String(decoding: text, as: UTF8.self) == handshake)
    }

    @Test("c27: the same request, however it is written, has the same digest, and no other")
    func digests() throws {
        let first = try message(
            #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"x":1,"y":["é",null]}}}"#)
        let same = try message(
            #"{"method":"tools/call","params":{"_meta":{"p":1},"requestState":"s","arguments":{ "y":["\u00e9",null],"x":1},"inputResponses":{},"name":"a"},"jsonrpc":"2.0","id":"2"}"#
        )
        #expect(RequestDigest.make(first) == RequestDigest.make(same))
        for other in [
            #"{"name":"a","arguments":{"x":2,"y":["é",null]}}"#, #"{"name":"b","arguments":{"x":1,"y":["é",null]}}"#,
            #"{"name":"a","arguments":{"x":"1","y":["é",null]}}"#, #"{"name":"a","arguments":{"x":1,"y":["é"]}}"#,
            #"{"name":"a","arguments":{"x":1,"y":[["é",null]]}}"#, #"{"name":"a","arguments":{"x":1}}"#,
        ] {
            let changed = try message(#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":\#(other)}"#)
            #expect(RequestDigest.make(first) != RequestDigest.make(changed), "\(other)")
        }
        let prompt = try message(
            #"{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"a","arguments":{"x":1,"y":["é",null]}}}"#
        )
        #expect(RequestDigest.make(first) != RequestDigest.make(prompt))
    }

    @Test("c23: a response in an array of messages is edited alone; other members and numbers stay as they are")
    func responses() throws {
        let line = try node(
            #"[{"jsonrpc":"2.0","method":"x"},{"jsonrpc":"2.0","id":7,"result":{"n":1.0,"_meta":{"a":1}}}]"#)
        let response = try JSONRPCMessage(try #require(line[1]))
        let answer = ModernMessage.response(
            response, id: JSONRPCID(text: Array("\"q\"".utf8)), method: .toolsCall, serverInfo: Array("{}".utf8))
        #expect(
            String(decoding: answer.text, as: UTF8.self)
                == #"{"jsonrpc":"2.0","id":"q","result":{"n":1.0,"_meta":{"a":1,"io.modelcontextprotocol/serverInfo":{}},"resultType":"complete"}}"#
        )
        let odd = try message(#"{"jsonrpc":"2.0","id":7,"result":[1]}"#)
        #expect(
            ModernMessage.response(odd, id: JSONRPCID(number: 1), method: .toolsCall, serverInfo: nil).error
                == .internalError)
    }

    @Test("c26: an update of a part of what is watched counts, one of a neighbour does not")
    func coverage() throws {
        let filter = try ListenFilter(try node(#"{"notifications":{"resourceSubscriptions":["file:///a","x:/d/"]}}"#))
        for (uri, isCovered) in [
            ("file:///a", true), ("file:///a/b", true), ("file:///ab", false), ("file:///", false), ("x:/d/e", true),
            ("x:/d", false),
        ] {
            let update = try message(
                #"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"\#(uri)"}}"#)
            #expect(filter.covers(update) == isCovered, "\(uri)")
        }
        let many = (0...ListenFilter.maximumResources).map { "\"u\($0)\"" }.joined(separator: ",")
        #expect(throws: JSONRPCError.self) {
            try ListenFilter(try node(#"{"notifications":{"resourceSubscriptions":[\#(many)]}}"#))
        }
    }

    @Test(
        "c26, c33: a notification is tagged with its listen, and keeps everything else that it says",
        arguments: [
            ("", #""params":{"_meta":{TAG}}"#),
            (#","params":{}"#, #""params":{"_meta":{TAG}}"#),
            (#","params":{"uri":"f:/1"}"#, #""params":{"uri":"f:/1","_meta":{TAG}}"#),
            (#","params":{"uri":"f:/1","_meta":{"a":1},"b":2}"#, #""params":{"uri":"f:/1","_meta":{"a":1,TAG},"b":2}"#),
        ])
    func tagged(said: String, told: String) throws {
        let start = #"{"jsonrpc":"2.0","method":"notifications/x""#
        let whole = try JSONDocument(parsing: Array("[7,\(start)\(said)}]".utf8))
        let notification = try JSONRPCMessage(try #require(whole.root[1]))
        let text = ModernMessage.tagged(notification, listen: JSONRPCID(number: 5))
        let tag = #""io.modelcontextprotocol/subscriptionId":5"#
        #expect(String(decoding: text, as: UTF8.self) == "\(start),\(told.replacing("TAG", with: tag))}")
    }
}
