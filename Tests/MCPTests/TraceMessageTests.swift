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
                #"{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"traceparent":"forged","tracestate":"a=1"}}}"#,
                #"{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{P,"tracestate":"a=1"}}}"#
            ),
            (
                #"{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"trace\u0070arent":{"x":[1]}}}}"#,
                #"{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"trace\u0070arent":V}}}"#
            ),
        ])
    func carrying(text: String, expected: String) throws {
        let carrying = TraceMessage.carrying(Self.parent, try message(text))
        let value = "\"\(Self.parent)\""
        #expect(
            String(decoding: carrying.node.bytes, as: UTF8.self)
                == expected.replacing("P", with: "\"traceparent\":\(value)").replacing("V", with: value))
        #expect(carrying.params?["_meta"]?["traceparent"]?.string == Self.parent)
    }

    @Test(
        "W3C Trace Context §4.3: the state of another trace does not go along",
        arguments: [
            (#"{"traceparent":"forged","tracestate":"a=1","x":1}"#, #"{P,"x":1}"#),
            (#"{"tracestate":"a=1"}"#, "{P}"), (#"{"x":1,"tracestate":7}"#, #"{"x":1,P}"#), ("{}", "{P}"),
        ])
    func state(meta: String, expected: String) throws {
        let text = #"{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":M}}"#
        let carrying = TraceMessage.carrying(
            Self.parent, try message(text.replacing("M", with: meta)), keepsState: false)
        let wanted = expected.replacing("P", with: "\"traceparent\":\"\(Self.parent)\"")
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
        let carrying = TraceMessage.carrying(Self.parent, try message(text))
        #expect(String(decoding: carrying.node.bytes, as: UTF8.self) == text)
    }
}
