import Foundation
import HTTP
import OAuth
import Telemetry
import TestSupport
import Testing

@testable import Gateway

/// Servers behind the address of all that do not start, do not answer, or die.
@Suite("Aggregation: servers that are away", .timeLimit(.minutes(2)))
struct AggregateFaultTests {
    @Test("F03, F07: a server that does not start or dies costs its own entries only, says so, and comes back")
    func absence() async throws {
        let directory = try TemporaryDirectory()
        let servers: [ServerDefinition] = [
            .member("one", #""tools":["echo","exit"]"#), .member("late", #""crash":"\#(directory.path)/may-start""#),
        ]
        try await withAggregate(servers) { bench in
            var client = PlainMCP(port: bench.port, path: "/mcp", token: "alice")
            let opening = client
            let (opened, session) = try await onThread {
                var client = opening
                return (try client.open(), client)
            }
            client = session
            #expect((opened.result?["instructions"] as? String)?.contains("Not available at the moment: late.") == true)
            #expect(try await client.demand("tools/list").listed("tools") == ["one__echo", "one__exit"])
            let absent = try await client.say("late__echo")
            #expect(absent.errorCode == -32603 && absent.errorMessage == #"The server "late" is not available"#)
            func metrics() -> String {
                String(decoding: bench.gateway.configuration.metrics.prometheusText(), as: UTF8.self)
            }
            #expect(metrics().contains(#"sallyport_aggregate_absences{server="late"} 1"#))

            let listening = try await client.listen()
            try directory.write("may-start", "")
            let back = try await listening.methods {
                $0.object["method"] as? String == "notifications/tools/list_changed"
            }
            #expect(back.contains("notifications/message"))
            #expect(try await client.demand("tools/list").listed("tools") == ["one__echo", "one__exit", "late__echo"])
            #expect(try await client.say("late__echo").said["server"] as? String == "late")
            #expect(metrics().contains(#"sallyport_aggregate_absences{server="late"} 0"#))

            let died = try await client.say("one__exit")
            #expect(died.errorCode == -32603 && died.errorMessage == #"The server "one" exited with code 3"#)
            #expect(try await client.say("one__echo").errorCode == -32603)
            #expect(try await client.demand("tools/list").listed("tools") == ["late__echo"])
            try await eventuallyTrue("the server is back") {
                try await client.say("one__echo").said["server"] as? String == "one"
            }
            #expect(try await client.demand("tools/list").listed("tools") == ["one__echo", "one__exit", "late__echo"])
        }
    }

    @Test("F03: a slow server does not keep the others' clients waiting, and joins later")
    func slow() async throws {
        let servers: [ServerDefinition] = [.member("slow", #""slow":1.5"#), .member("one")]
        try await withAggregate(servers, patience: .milliseconds(300)) { bench in
            let client = try await bench.open("/mcp")
            #expect(try await client.demand("tools/list").listed("tools") == ["one__echo"])
            let listening = try await client.listen()
            _ = try await listening.methods { $0.object["method"] as? String == "notifications/tools/list_changed" }
            // In the order of the configuration.
            #expect(try await client.demand("tools/list").listed("tools") == ["slow__echo", "one__echo"])
        }
    }

    @Test("F03: where no server starts, neither does a session")
    func none() async throws {
        let servers: [ServerDefinition] = [
            .member("one", #""crash":"/nonexistent""#), .member("two", #""crash":"/nonexistent""#),
        ]
        try await withAggregate(servers) { bench in
            let client = PlainMCP(port: bench.port, path: "/mcp", token: "alice")
            let answer = try await onThread {
                var client = client
                return try client.open()
            }
            #expect(answer.errorCode == -32603 && answer.response.header("mcp-session-id") == nil)
            try await eventuallyTrue("nothing is left") {
                bench.gateway.processCount == 0 && bench.gateway.sessionCount == 0
            }
        }
    }

    @Test("F04: a server that does not answer in time ends its own calls")
    func hanging() async throws {
        let servers: [ServerDefinition] = [
            .member("one", #""tools":["hang"]"#, timeout: .milliseconds(300)), .member("two"),
        ]
        try await withAggregate(servers) { bench in
            let client = try await bench.open("/mcp")
            for _ in 0..<3 {
                let answer = try await client.say("one__hang")
                #expect(
                    answer.errorCode == 1001 && answer.errorMessage?.contains("\"one\"") == true, "\(answer.messages)")
                #expect(try await client.say("two__echo").said["server"] as? String == "two")
            }
            // Three in a row: it is stopped, and comes back.
            try await eventuallyTrue("the server is missing") { try await client.say("one__hang").errorCode == -32603 }
            try await eventuallyTrue("the server is back") { try await client.say("one__hang").errorCode == 1001 }
        }
    }

    @Test("P07: the end of a session is the end of all its processes")
    func stopping() async throws {
        let servers: [ServerDefinition] = (0..<4).map { .member("m\($0)") }
        try await withAggregate(servers) { bench in
            let client = try await bench.open("/mcp")
            #expect(bench.gateway.processCount == 4 && bench.gateway.sessionCount == 1)
            let deleted = try await bench.request(
                "DELETE", "/mcp", ["Authorization": "Bearer alice", "Mcp-Session-Id": client.session ?? ""])
            #expect(deleted.status == 204)
            try await eventuallyTrue("nothing is left") { bench.gateway.processCount == 0 }
        }
    }
}
