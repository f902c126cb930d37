import Foundation
import JSON
import Testing

@testable import MCP

@Suite struct ModernHeaderTests {
    @Test(
        "c12: the examples of the specification",
        arguments: [
            ("us-west1", "us-west1"), ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
            (" padded ", "=?base64?IHBhZGRlZCA=?="), ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
            ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="), ("", ""), ("a b", "a b"),
        ])
    func values(value: String, header: String) {
        #expect(HeaderText.encode(value.utf8) == header)
        #expect(HeaderText.decode(Array(header.utf8)[...]) == Array(value.utf8))
    }

    @Test(
        "c12: what is wrapped must be Base64; what is not wrapped is taken as it is",
        arguments: [
            ("=?base64?SGVsbG8?=", nil), ("=?base64?SGVsbG8*?=", nil), ("=?base64?SGVsbG9=?=", nil),
            ("=?BASE64?SGVsbG8=?=", "=?BASE64?SGVsbG8=?="), ("=?base64?SGVsbG8=", "=?base64?SGVsbG8="),
            ("=?base64??=", ""),
        ] as [(String, String?)])
    func decoding(header: String, value: String?) {
        #expect(HeaderText.decode(Array(header.utf8)[...]) == value.map { Array($0.utf8) })
    }

    private func tools(_ schema: String) throws -> (learnt: ToolParameterHeaders, invalid: [Int]) {
        let text = "[{\"name\":\"t\",\"inputSchema\":\(schema)},{\"name\":\"u\",\"inputSchema\":{\"type\":\"object\"}}]"
        var learnt = ToolParameterHeaders()
        let invalid = learnt.learn(try JSONDocument(parsing: Array(text.utf8)).root)
        return (learnt, invalid)
    }

    @Test("c13: values at the annotated paths, nothing for null, missing and other kinds")
    func mirrored() throws {
        let (learnt, invalid) = try tools(
            """
            {"type":"object","properties":{
              "region":{"type":"string","x-mcp-header":"Region"},
              "deep":{"type":"object","properties":{"n":{"type":"integer","x-mcp-header":"N"}}},
              "flag":{"type":"boolean","x-mcp-header":"Flag","default":{"x-mcp-header":"data, not schema"}}}}
            """)
        #expect(invalid.isEmpty)
        let values = { (arguments: String) in
            learnt.values(tool: "t", arguments: try JSONDocument(parsing: Array(arguments.utf8)).root)
                .map { "\($0.name)=\($0.value)" }
        }
        #expect(
            try values(#"{"region":"Zürich","deep":{"n":42},"flag":true}"#) == [
                "Region==?base64?WsO8cmljaA==?=", "N=42", "Flag=true",
            ])
        #expect(try values(#"{"region":null,"deep":{},"flag":[1]}"#).isEmpty)
        #expect(try values("{}").isEmpty)
    }

    @Test(
        "d5: tools whose annotations break a rule are told apart",
        arguments: [
            #"{"properties":{"a":{"type":"string","x-mcp-header":""}}}"#,
            #"{"properties":{"a":{"type":"string","x-mcp-header":"A B"}}}"#,
            #"{"properties":{"a":{"type":"string","x-mcp-header":"A\r\nB"}}}"#,
            #"{"properties":{"a":{"type":"number","x-mcp-header":"A"}}}"#,
            #"{"properties":{"a":{"x-mcp-header":"A"}}}"#,
            #"{"properties":{"a":{"type":"string","x-mcp-header":"A"},"b":{"type":"string","x-mcp-header":"a"}}}"#,
            #"{"properties":{"a":{"type":"array","items":{"type":"string","x-mcp-header":"A"}}}}"#,
            #"{"oneOf":[{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}]}"#,
            ##"{"$defs":{"d":{"type":"string","x-mcp-header":"A"}},"properties":{"a":{"$ref":"#/$defs/d"}}}"##,
            #"{"type":"string","x-mcp-header":"A"}"#, #"{"properties":{"a":{"type":"string","x-mcp-header":7}}}"#,
        ])
    func invalid(schema: String) throws {
        let (learnt, invalid) = try tools(schema)
        #expect(invalid == [0])
        #expect(learnt.parameters(of: "t").isEmpty)
    }
}
