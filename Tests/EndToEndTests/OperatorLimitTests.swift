import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Bounds that the operator sets.
    @Suite("Limits of the operator")
    struct OperatorLimits {
        @Test("H07, M10: how long a request may be, and how many calls one client has open, is the operator's")
        func limits() async throws {
            let gateway = try await EndToEnd.gateway(EndToEnd.busy + "limits: {request_size: 64KiB, calls: 1}\n")
            let token = try await EndToEnd.logIn(gateway).tokens.access
            let session = try await EndToEnd.session(gateway, "/demo/mcp", token: token)
            for (bytes, status) in [(60_000, 200), (66_000, 413)] {
                let text = PlainMCP.call("echo", id: bytes, #"{"message":"\#(String(repeating: "x", count: bytes))"}"#)
                #expect(try await onThread { try session.post(text) }.status == status)
            }
            let call = PlainMCP.call("progress", id: 9, #"{"steps":2,"seconds":20}"#, token: "1")
            let busy = try await onThread { try StreamBox(session.stream("POST", body: call)) }
            _ = try #require(try await onThread { try busy.next() })
            let refused = try await onThread { try session.post(PlainMCP.call("echo", id: 10, #"{"message":"x"}"#)) }
            #expect(refused.status == 429)
        }
    }
}
