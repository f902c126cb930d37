import Crypto
import JSON
import Testing

@testable import MCP

/// What a server says its tools are.
@Suite("Definitions of tools")
struct ToolDefinitionTests {
    private static func definitions(_ tools: String) throws -> [ToolDefinition] {
        ToolDefinition.all(in: try JSONDocument(parsing: Array(tools.utf8)).root)
    }

    private static func digest(_ tool: String) throws -> Digest {
        try #require(try definitions("[\(tool)]").first).digest
    }

    static let tool =
        #"{"name":"a","title":"A","description":"d","inputSchema":{"type":"object","properties":{"n":{"minimum":1}}},"outputSchema":{"type":"object"},"annotations":{"readOnlyHint":true},"_meta":{"ui":{"resourceUri":"ui://x"}},"icons":[],"execution":{"taskSupport":"optional"},"com.example/x":1}"#

    @Test("every member counts, known or not, and the order in which they stand does not")
    func members() throws {
        let original = try Self.digest(Self.tool)
        for (old, new) in [
            (#""title":"A""#, #""title":"B""#), (#""description":"d""#, #""description":"d.""#),
            (#""minimum":1"#, #""minimum":1.0"#), (#""outputSchema":{"type":"object"},"#, ""),
            (#""readOnlyHint":true"#, #""readOnlyHint":false"#), ("ui://x", "ui://y"),
            (#""icons":[]"#, #""icons":[{}]"#),
            ("optional", "required"), (#""com.example/x":1"#, #""com.example/x":2"#), ("}}}", "}},\"required\":[]}"),
        ] {
            let changed = Self.tool.replacing(old, with: new)
            try #require(changed != Self.tool)
            #expect(try Self.digest(changed) != original, "\(old)")
        }
        let moved = Self.tool.replacing(#""name":"a","title":"A","#, with: "")
            .replacing(#""com.example/x":1}"#, with: #""com.example/x": 1, "title":"\u0041", "name":"a"}"#)
        #expect(try Self.digest(moved) == original)
    }

    @Test(
        "names count as bytes; what has none is left out; a name with several definitions is one that none of them is")
    func several() throws {
        let all = try Self.definitions(
            #"[{"name":"a","d":1},7,{"name":5},{},{"name":"\u0062"},{"name":"a","d":2},{"name":"b"},{"d":1,"name":"a"}]"#
        )
        #expect(all.map { String(decoding: $0.name, as: UTF8.self) } == ["a", "b"])
        #expect(String(decoding: all[0].text, as: UTF8.self) == #"[{"d":1,"name":"a"},{"d":2,"name":"a"}]"#)
        #expect(try all[1].digest == Self.digest(#"{"name":"b"}"#))
        #expect(try all[0].digest != Self.digest(#"{"name":"a","d":1}"#))
        #expect(try Self.definitions("[]").isEmpty && Self.definitions("{}").isEmpty)
    }
}
