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
        var detail: [(String, String)] = []
        try await withBench(change: change) { bench in
            let client = try await bench.open()
            _ = try await client.send(PlainMCP.call("echo", id: 2, arguments))
            let event = try await eventually("the call in the trail") {
                bench.trail.all.last { $0.action == .toolCalled }
            }
            detail = event.detail
        }
        return Dictionary(detail) { first, _ in first }
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
