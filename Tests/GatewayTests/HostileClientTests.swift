import Foundation
import Telemetry
import TestSupport
import Testing

@testable import Gateway

@Suite("Clients that do not behave", .timeLimit(.minutes(1)))
struct HostileClientTests {
    @Test("H06: without tokens no page of another program on this machine gets in either")
    func pagesAtABridge() async throws {
        try await withBench(protected: false) { bench in
            let client = try await bench.open("/demo/mcp", nil)
            for page in ["http://localhost:6274", "http://127.0.0.1:3000"] {
                #expect(try await client.send(PlainMCP.request("ping", id: 1), ["Origin": page]).status == 403)
                let preflight = try await bench.request(
                    "OPTIONS", "/demo/mcp", ["Origin": page, "Access-Control-Request-Method": "POST"])
                #expect(preflight.status == 403 && preflight.header("access-control-allow-origin") == nil)
            }
            #expect(
                try await client.send(PlainMCP.request("ping", id: 1), ["Origin": "https://app.example.com"]).status
                    == 200)
        }
    }

    @Test("O02: calls in a batch are in the audit trail like any other")
    func auditedBatch() async throws {
        try await withBench { bench in
            let client = try await bench.open(version: "2025-03-26")
            let calls = (1...3).map { PlainMCP.call("echo", id: $0, #"{"message":"m"}"#) }
            let answer = try await client.send("[\(calls.joined(separator: ","))]")
            #expect(answer.messages.count == 3)
            let audited = bench.trail.all.filter { $0.action == .toolCalled }
            #expect(audited.count == 3)
            #expect(audited.allSatisfy { $0.tool == "echo" && $0.user == "alice" && $0.requestID != nil })
        }
    }

    @Test("c2: a client that closes its sending side is never told that its request was a notification")
    func halfClose() async throws {
        try await withBench { bench in
            let client = try await bench.open()
            let port = bench.port
            for call in [PlainMCP.call("echo", id: 1), PlainMCP.call("hang", id: 2)] {
                let text = try await onThread {
                    let connection = try PlainConnection(port: port, timeout: 5)
                    let head = client.headers.map { "\($0): \($1)\r\n" }.joined()
                    try connection.send(
                        "POST /demo/mcp HTTP/1.1\r\n\(head)Content-Length: \(call.utf8.count)\r\n\r\n\(call)")
                    connection.shutdownWrite()
                    return String(decoding: try connection.receiveAll(), as: UTF8.self)
                }
                #expect(!text.hasPrefix("HTTP/1.1 202"), "\(text)")
            }
        }
    }
}
