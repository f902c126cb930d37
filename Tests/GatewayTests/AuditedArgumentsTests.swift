import JSON
import Telemetry
import TestSupport
import Testing

@testable import Gateway

@Suite("Arguments in the audit trail")
struct AuditedArgumentsTests {
    private func call(_ arguments: String, change: (inout GatewayConfiguration) -> Void) async throws -> [String:
        String]
    {
        var line: [UInt8] = []
        try await withBench(change: change) { bench in
            let client = try await bench.open()
            _ = try await client.send(PlainMCP.call("echo", id: 2, arguments))
            let event = try await eventually("the call in the trail") {
                bench.trail.all.last { $0.action == .toolCalled }
            }
            line = event.line
        }
        let detail = try #require(JSONDocument(parsing: line).root["detail"])
        return Dictionary(uniqueKeysWithValues: detail.members.map { ($0.key.string ?? "", $0.value.string ?? "") })
    }

    @Test("S2-34: how long a call took is in the trail, its arguments only where somebody asked for them")
    func off() async throws {
        let detail = try await call(#"{"message":"x"}"#) { _ in }
        #expect(detail.keys.sorted() == ["duration_ms"])
        let parts = (detail["duration_ms"] ?? "").split(separator: ".")
        #expect(parts.count == 2 && parts[1].count == 3 && parts.allSatisfy { Int($0) != nil }, "\(detail)")
    }

    @Test("O01: secrets among the arguments are left out at every depth, however their names are written")
    func redaction() async throws {
        let text =
            #"{"message":"hi","API-Key":"S1","nested":{"user_password":"S2","deep":[{"refreshToken":["S3"],"n":1.0}]},"#
            + #""Client Secret":{"a":"S4"},"IBAN no":"S5","count":12345678901234567890}"#
        let detail = try await call(text) { $0.auditedArguments = ArgumentRecord(redacting: ["iban"]) }
        #expect(
            detail["arguments"]
                == #"{"message":"hi","API-Key":"[redacted]","nested":{"user_password":"[redacted]","#
                + #""deep":[{"refreshToken":"[redacted]","n":1.0}]},"Client Secret":"[redacted]","#
                + #""IBAN no":"[redacted]","count":12345678901234567890}"#, "\(detail)")
    }

    @Test(
        "O01: every word that makes a secret does, wherever it stands in a name and however that is written",
        arguments: [
            "password", "new_passwd", "Pass Phrase", "client-secret", "accessTOKEN", "aws.credentials",
            "Proxy-Authorization", "x-api-key", "PRIVATE_KEY", "Set-Cookie", "sessionId", #"p\u0061ssword"#,
            "pass\u{200B}word", "to\u{AD}ken",
        ])
    func words(name: String) throws {
        let text = #"{"\#(name)":"S1","in":[{"\#(name)":["S2"]}],"note":"kept"}"#
        let document = try JSONDocument(parsing: Array(text.utf8))
        let shown = try #require(ArgumentRecord().text(of: document.root))
        #expect(!shown.contains("S1") && !shown.contains("S2") && shown.contains(#""note":"kept""#), "\(shown)")
    }

    @Test("names that an operator gives and that hold no letter keep nothing out")
    func emptyNames() throws {
        let document = try JSONDocument(parsing: Array(#"{"note":"kept"}"#.utf8))
        #expect(ArgumentRecord(redacting: ["", "-_ "]).text(of: document.root) == #"{"note":"kept"}"#)
    }

    @Test("O01: arguments of every way in are redacted; what else has arguments is not in the trail")
    func waysIn() async throws {
        let arguments = #"{"message":"m","token":"S1"}"#
        try await withBench([.member("demo")]) { configuration in
            configuration.auditedArguments = ArgumentRecord()
            // Where spans are made, other requests have a record as well.
            configuration.tracer = Tracer(SpanBuffer(in: MetricsRegistry()), ratio: 1)
            configuration.aggregate = AggregateConfiguration()
        } _: { bench in
            let old = try await bench.open("/demo/mcp", version: "2025-03-26")
            let modern = PlainModernMCP(port: bench.port, path: "/demo/mcp", token: "alice")
            let all = try await bench.open("/mcp")
            let calls = [1, 2].map { PlainMCP.call("echo", id: $0, arguments) }.joined(separator: ",")
            _ = try await old.send("[\(calls)]")
            _ = try await modern.say("echo", arguments)
            _ = try await all.say("demo__echo", arguments)
            _ = try await all.send(
                PlainMCP.request("prompts/get", id: 4, #"{"name":"demo__greet","arguments":\#(arguments)}"#))
            _ = try await old.send(PlainMCP.request("tools/list", id: 5))
            _ = try await all.say("demo__echo", id: 6, #"{"last":1}"#)
            let shown = try await eventually("the last call in the trail") {
                let shown = bench.trail.all.compactMap { event in event.detail.first { $0.0 == "arguments" }?.1 }
                return shown.last == #"{"last":1}"# ? shown : nil
            }
            #expect(shown.dropLast() == Array(repeating: #"{"message":"m","token":"[redacted]"}"#, count: 4)[...])
            #expect(bench.trail.all.filter { $0.action == .toolCalled }.count == 5)
        }
    }

    @Test("O01: the trail has of arguments what was recorded: 4 KiB, and how long they were")
    func line() throws {
        let text = #"{"a":""# + String(repeating: "x", count: 9000) + #""}"#
        let shown = try #require(ArgumentRecord().text(of: try JSONDocument(parsing: Array(text.utf8)).root))
        var event = AuditEvent(time: Timestamp(millisecondsSinceEpoch: 0), action: .toolCalled)
        event.detail = [("arguments", shown), ("reason", String(repeating: "r", count: 9000))]
        let root = try JSONDocument(parsing: Array(event.line.dropLast())).root
        let kept = try #require(root["detail"]?["arguments"]?.string)
        #expect(kept == shown && kept.hasSuffix("… (9008 bytes)") && kept.utf8.count > 4096)
        #expect(root["detail"]?["reason"]?.string?.utf8.count ?? 0 < 1100, "other details are as short as they were")
        // What is escaped grows, but not for ever.
        event.detail = [("arguments", String(repeating: "\u{202E}", count: 4000))]
        #expect(event.line.count < 6000)
    }

    @Test("long arguments are cut, and never in the middle of a character")
    func long() throws {
        for count in 4090..<4100 {
            let document = try JSONDocument(
                parsing: Array(
                    (#"{"a":""# + String(repeating: "x", count: count - 4000) + String(repeating: "é", count: 4000)
                        + #""}"#).utf8))
            let text = try #require(ArgumentRecord().text(of: document.root))
            #expect(text.hasSuffix("… (\(document.bytes.count) bytes)") && text.utf8.count < 4200)
            #expect(!text.unicodeScalars.contains("\u{FFFD}"))
        }
        #expect(ArgumentRecord().text(of: nil) == nil)
    }
}
