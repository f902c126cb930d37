import JSON
import MCP
import Testing

private func client(_ version: String, _ capabilities: String = "{}") throws -> LegacyClient {
    LegacyClient(
        try message(
            #"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"\#(version)","capabilities":\#(capabilities)}}"#
        ))
}

/// What modern servers say, in words of older revisions (mcp.md B1 "content down-conversion").
@Suite("Messages of modern servers for legacy clients")
struct ModernServerMessageTests {
    private static let one = JSONRPCID(number: 1)

    private static func converted(
        _ result: String, _ method: MCPMethod, for version: String, tool: String? = nil,
        outputs: inout ToolOutputs
    ) throws -> String {
        let tool = try tool.map { try JSONDocument(parsing: Array("\"\($0)\"".utf8)).root }
        return text(
            LegacyBoundMessage.result(
                try message(#"{"jsonrpc":"2.0","id":9,"result":\#(result)}"#), id: one, method: method, tool: tool,
                client: try client(version), outputs: &outputs))
    }

    private static func converted(_ result: String, _ method: MCPMethod, for version: String) throws -> String {
        var outputs = ToolOutputs()
        return try converted(result, method, for: version, outputs: &outputs)
    }

    private static func answer(_ result: String) -> String { #"{"jsonrpc":"2.0","id":1,"result":\#(result)}"# }

    @Test(
        "B1, c32: output that is no object is put into one, schema and value together",
        arguments: ["2025-06-18", "2025-11-25"])
    func wrapping(version: String) throws {
        var outputs = ToolOutputs()
        let schema =
            ##"{"$defs":{"n":{"type":"number"}},"anyOf":[{"type":"object"},{"$ref":"#/$defs/n"},{"$ref":"#"},{"$ref":"#a"}],"default":{"$ref":"#/x"}}"##
        let moved =
            ##"{"$defs":{"n":{"type":"number"}},"anyOf":[{"type":"object"},{"$ref":"#/properties/result/$defs/n"},{"$ref":"#/properties/result"},{"$ref":"#a"}],"default":{"$ref":"#/x"}}"##
        let list = try Self.converted(
            #"{"tools":[{"name":"a","outputSchema":\#(schema)},{"name":"b","outputSchema":{"type":"object"}}]}"#,
            .toolsList,
            for: version, outputs: &outputs)
        let wrapped = #"{"type":"object","properties":{"result":\#(moved)},"required":["result"]}"#
        #expect(
            list
                == Self.answer(
                    #"{"tools":[{"name":"a","outputSchema":\#(wrapped)},{"name":"b","outputSchema":{"type":"object"}}]}"#
                ))
        func call(_ tool: String, _ output: String) throws -> String {
            try Self.converted(
                #"{"content":[],"structuredContent":\#(output)}"#, .toolsCall, for: version, tool: tool,
                outputs: &outputs)
        }
        #expect(try call("a", "{}").contains(#""structuredContent":{"result":{}}"#))
        #expect(try call("b", #"{"x":1}"#).contains(#""structuredContent":{"x":1}"#))
        for output in ["[1]", "7", "null", #""t""#] {
            #expect(try call("unlisted", output).contains(#""structuredContent":{"result":\#(output)}"#))
        }
        // What a tool is now counts, not what it was.
        _ = try Self.converted(
            #"{"tools":[{"name":"a","outputSchema":{"type":"object"}},{"name":"b","outputSchema":{"type":"array"}}]}"#,
            .toolsList, for: version, outputs: &outputs)
        #expect(try call("a", #"{"x":1}"#).contains(#""structuredContent":{"x":1}"#))
        #expect(try call("b", "{}").contains(#""structuredContent":{"result":{}}"#))
        // A document of its own keeps its references.
        let own = try Self.converted(
            ##"{"tools":[{"name":"c","outputSchema":{"$id":"x:y","type":"array","items":{"$ref":"#/$defs/n"}}}]}"##,
            .toolsList,
            for: version, outputs: &outputs)
        #expect(own.contains(##"{"$ref":"#/$defs/n"}"##))
    }

    @Test(
        "B1: before 2025-06-18 there is neither schema nor structured output, and nothing is lost",
        arguments: ["2024-11-05", "2025-03-26"])
    func dropping(version: String) throws {
        let list = try Self.converted(
            #"{"tools":[{"name":"a","outputSchema":{"type":"array"},"annotations":{"x":1}}]}"#, .toolsList, for: version
        )
        let annotations = version == "2024-11-05" ? "" : #","annotations":{"x":1}"#
        #expect(list == Self.answer(#"{"tools":[{"name":"a"\#(annotations)}]}"#))
        let call = try Self.converted(#"{"structuredContent":{"a":[1]}}"#, .toolsCall, for: version)
        #expect(call == Self.answer(#"{"content":[{"type":"text","text":"{\"a\":[1]}"}]}"#))
        let kept = try Self.converted(
            #"{"content":[{"type":"text","text":"t"}],"structuredContent":7}"#, .toolsCall, for: version)
        #expect(kept == Self.answer(#"{"content":[{"type":"text","text":"t"}]}"#))
    }

    @Test("B1: kinds of content that a revision does not know")
    func content() throws {
        let link = #"{"type":"resource_link","uri":"file:///x","name":"n"}"#
        let audio = #"{"type":"audio","data":"AA==","mimeType":"audio/wav"}"#
        func call(_ version: String) throws -> String {
            try Self.converted(#"{"content":[\#(link),\#(audio)]}"#, .toolsCall, for: version)
        }
        let asText = #"{"type":"text","text":"n: file:///x"}"#
        let embedded =
            #"{"type":"resource","resource":{"uri":"urn:mcp:audio","mimeType":"audio/wav","blob":"AA=="}}"#
        #expect(try call("2025-06-18") == Self.answer(#"{"content":[\#(link),\#(audio)]}"#))
        #expect(try call("2025-03-26") == Self.answer(#"{"content":[\#(asText),\#(audio)]}"#))
        #expect(try call("2024-11-05") == Self.answer(#"{"content":[\#(asText),\#(embedded)]}"#))
        let prompt = try Self.converted(
            #"{"messages":[{"role":"user","content":\#(link)}]}"#, .promptsGet, for: "2025-03-26")
        #expect(prompt == Self.answer(#"{"messages":[{"role":"user","content":\#(asText)}]}"#))
    }

    @Test("B1, c38: what is sampled is one block before 2025-11-25; more, or the use of tools, cannot be asked for")
    func sampling() throws {
        func make(_ messages: String, _ version: String, _ more: String = "") throws -> LegacyQuestion {
            let result = try message(
                #"{"jsonrpc":"2.0","id":1,"result":{"inputRequests":{"k":{"method":"sampling/createMessage","params":{"maxTokens":1,"messages":[\#(messages)]\#(more)}}}}}"#
            )
            let node = try #require(result.node["result"])
            let required = try #require(InputRequired(node))
            return LegacyQuestion.make(
                required.entries[0], number: 5, client: try client(version, #"{"sampling":{}}"#))
        }
        func isImpossible(_ question: LegacyQuestion) -> Bool { if case .impossible = question { true } else { false } }
        let block = #"{"type":"text","text":"t"}"#
        let list = #"{"role":"user","content":[\#(block)]}"#
        guard case .message(let old) = try make(list, "2025-06-18") else { throw JSONRPCError(.internalError, "none") }
        #expect(
            text(old).contains(#""messages":[{"role":"user","content":\#(block)}]"#) && text(old).contains(#""id":5"#))
        guard case .message(let new) = try make(list, "2025-11-25") else { throw JSONRPCError(.internalError, "none") }
        #expect(text(new).contains(#""content":[\#(block)]"#))
        #expect(isImpossible(try make(#"{"role":"user","content":[\#(block),\#(block)]}"#, "2025-06-18")))
        #expect(isImpossible(try make(#"{"role":"user","content":[{"type":"tool_use"}]}"#, "2025-06-18")))
        #expect(isImpossible(try make(list, "2025-11-25", #","tools":[]"#)), "not declared")
    }

    @Test("c27: what is no result that asks for input is not taken for one")
    func malformed() throws {
        func read(_ result: String) throws -> InputRequired? {
            InputRequired(try JSONDocument(parsing: Array(result.utf8)).root)
        }
        for odd in [
            "{}", #"{"inputRequests":[]}"#, #"{"requestState":7}"#, #"{"inputRequests":{"a":7}}"#,
            #"{"requestState":null}"#,
            #"{"inputRequests":{"a":{"method":"ping"}}}"#,
            #"{"inputRequests":{"a":{"method":"roots/list","params":[]}}}"#,
        ] { #expect(try read(odd) == nil, "\(odd)") }
        let many = (0...InputRequired.maximumEntries).map { #""\#($0)":{"method":"roots/list"}"# }
        #expect(try read(#"{"inputRequests":{\#(many.joined(separator: ","))}}"#) == nil)
        #expect(try read(#"{"inputRequests":{\#(many.dropLast().joined(separator: ","))}}"#)?.entries.count == 32)
        let state = try read(#"{"requestState":"a\u00e9\/"}"#)
        #expect(state?.state.map { text($0) } == #""a\u00e9\/""#, "as it was written")
    }
}
