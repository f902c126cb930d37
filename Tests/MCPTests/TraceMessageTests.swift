import JSON
import MCP
import Testing

/// How a request gets its place in a trace.
@Suite("Traces in messages")
struct TraceMessageTests {
    private static let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test(
        "the gateway's parent takes the place of whatever stands there, once, and nothing else changes",
        arguments: [
            (
                #"{"jsonrpc":"2.0","id":1,"method":"m"}"#,
                #"{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{P}}}"#
            ),
            (
                #"{"jsonrpc":"2.0","id":1,"method":"m","params":{}}"#,
                #"{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{P}}}"#
            ),
            (
                #"{"id":1,"params":{"a":1.0},"method":"m","jsonrpc":"2.0"}"#,
                #"{"id":1,"params":{"a":1.0,"_meta":{P}},"method":"m","jsonrpc":"2.0"}"#
            ),
            (
                #"{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{}}}"#,
                #"{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{P}}}"#
            ),
            (
                #"{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"traceparent":"forged","a":"a=1"}}}"#,
                #"{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{P,"a":"a=1"}}}"#
            ),
            (
                #"{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"trace\u0070arent":{"x":[1]}}}}"#,
                #"{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"trace\u0070arent":V}}}"#
            ),
        ])
    func carrying(text: String, expected: String) throws {
        let carrying = TraceMessage.carrying(Self.parent, state: nil, try message(text))
        let value = "\"\(Self.parent)\""
        #expect(
            String(decoding: carrying.node.bytes, as: UTF8.self)
                == expected.replacing("P", with: "\"traceparent\":\(value)").replacing("V", with: value))
        #expect(carrying.params?["_meta"]?["traceparent"]?.string == Self.parent)
    }

    @Test(
        "W3C Trace Context §4.3: the state is that of the trace, and of no other",
        arguments: [
            (#"{"traceparent":"forged","tracestate":"a=1","x":1}"#, #"{P,"x":1}"#, nil),
            (#"{"tracestate":"a=1"}"#, "{P}", nil), (#"{"x":1,"tracestate":7}"#, #"{"x":1,P}"#, nil),
            ("{}", "{P}", nil),
            (#"{"traceparent":"forged","tracestate":"a=1","x":1}"#, #"{P,S,"x":1}"#, "b=2"),
            (#"{"x":1,"tracestate":7}"#, #"{"x":1,S,P}"#, "b=2"), ("{}", "{P,S}", "b=2"), (nil, "{P,S}", "b=2"),
        ] as [(String?, String, String?)])
    func state(meta: String?, expected: String, state: String?) throws {
        let text = #"{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":M}}"#
        let sent = meta.map { text.replacing("M", with: $0) } ?? text.replacing(#","params":{"_meta":M}"#, with: "")
        let carrying = TraceMessage.carrying(Self.parent, state: state, try message(sent))
        let wanted = expected.replacing("P", with: "\"traceparent\":\"\(Self.parent)\"")
            .replacing("S", with: #""tracestate":"b=2""#)
        #expect(String(decoding: carrying.node.bytes, as: UTF8.self) == text.replacing("M", with: wanted))
    }

    @Test(
        "what cannot carry one goes on as it is",
        arguments: [
            #"{"jsonrpc":"2.0","id":1,"method":"m","params":[1]}"#,
            #"{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":7}}"#,
            #"{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":[]}}"#,
        ])
    func unable(text: String) throws {
        let carrying = TraceMessage.carrying(Self.parent, state: nil, try message(text))
        #expect(String(decoding: carrying.node.bytes, as: UTF8.self) == text)
    }
}
