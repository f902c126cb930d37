import AsyncIO
import Foundation
import HTTP
import JSON
import MCP
import OAuth
import TestSupport
import Testing

@testable import Gateway

/// A session lives on the loop of the connection that began it; its client's other connections may be on any loop.
@Suite("Sessions used from several loops", .timeLimit(.minutes(2)))
struct CrossLoopTests {
    @Test("c2, M05: every call is answered at once, whichever loop its connection is on")
    func answers() async throws {
        try await withBench(loopCount: 3) { bench in
            let client = try await bench.open()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for lane in 0..<4 {
                    group.addTask {
                        // Each on a connection of its own, so about two of three cross loops.
                        for round in 0..<150 {
                            let answer = try await onThread {
                                try client.post(PlainMCP.request("ping", id: lane * 1000 + round), timeout: 5)
                            }
                            try #require(answer.status == 200 && answer.errorCode == nil)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("H10, F16: clients that leave at once leave no connection and no call behind")
    func leaving() async throws {
        try await withBench(loopCount: 3) { bench in
            let client = try await bench.open()
            try await eventuallyTrue("the connections of the start are gone") { bench.server.connectionCount == 0 }
            let port = bench.port
            let session = try #require(client.session)
            try await onThread {
                let body = PlainMCP.request("ping", id: 1)
                let head =
                    "POST /demo/mcp HTTP/1.1\r\nHost: localhost:\(port)\r\nAuthorization: Bearer alice\r\nAccept: */*\r\n"
                    + "Content-Type: application/json\r\nMcp-Session-Id: \(session)\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
                for round in 0..<300 {
                    let connection = try PlainConnection(port: port)
                    try connection.send(head + body)
                    if round % 2 == 0 { connection.reset() }
                }
            }
            try await eventuallyTrue("all connections are gone", within: .seconds(5)) {
                bench.server.connectionCount == 0
            }
            #expect(try await client.send(PlainMCP.request("ping", id: 2)).status == 200)
        }
    }

    @Test("c53, M10: events that come before the reader does wait for it, and hold their server back meanwhile")
    func promisedReader() async throws {
        try await withBench(change: { $0.limits.replayBytes = 16 << 10 }) { bench in
            _ = try await bench.open()
            let session = try #require(bench.gateway.directory.all.first)
            let text = PlainMCP.call("flood", id: 7, #"{"count":2000}"#)
            let message = try JSONRPCMessage(JSONDocument(parsing: Array(text.utf8)).root)
            let outcome = await session.accept(message, for: session.principal, record: nil)
            guard case .stream(let reader) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            // As a connection on another loop, or one whose head still waits for the client, does: not at once.
            let limit = bench.gateway.configuration.limits.undeliveredBytes
            try await eventuallyTrue("the server is held back") { await session.retainedBytes > limit }
            var received = 0
            var last: [UInt8] = []
            while case .bytes(let bytes) = await reader.next() {
                received += bytes.count { $0 == 0x0A } / 3
                last = bytes
            }
            #expect(received == 2001)
            #expect(String(decoding: last, as: UTF8.self).contains("flooded"))
        }
    }
}
