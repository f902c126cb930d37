import Foundation
import Glibc
import TestSupport
import Testing

@testable import Telemetry

/// Lines of the access log.
@Suite struct AccessRecordTests {
    private static func record(_ change: (inout AccessRecord) -> Void = { _ in }) -> AccessRecord {
        var record = AccessRecord(
            requestID: RequestID(high: 7, low: 9), target: ("POST", "/demo/mcp"), status: 200,
            duration: .microseconds(1234), bytes: 56, remoteAddress: "192.0.2.1:5", details: AccessRecord.Details())
        change(&record)
        return record
    }

    private static func object(_ line: some Sequence<UInt8>) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
    }

    @Test("O01: a record is one line of JSON, whatever a peer sends, and says the same as on a terminal")
    func line() throws {
        let hostile = "a\n{\"b\u{202E}" + String(repeating: "x", count: 5000)
        let records = [
            Self.record(), Self.record { $0.target = nil },
            Self.record {
                $0.target?.path = hostile
                $0.details.tool = hostile
                $0.details.call = "tools/call"
                $0.details.server = "demo"
                $0.details.user = "u"
                $0.details.client = hostile
                $0.details.proxyID = "p"
            },
        ]
        for record in records {
            var text = Array("{\"time\":\"t\"".utf8)
            record.append(to: &text, label: "access")
            #expect(text.last == 0x0A && text.dropLast().allSatisfy { $0 >= 0x20 } && text.count < 8192)
            var object = try Self.object(text)
            #expect(object.removeValue(forKey: "message") as? String == "request answered")
            for name in ["time", "level", "module"] { #expect(object.removeValue(forKey: name) != nil) }
            let line = LogLine(level: .info, label: "access", message: AccessRecord.message, metadata: record.metadata)
            let slow = try Self.object(line.json(at: Timestamp(millisecondsSinceEpoch: 0)))
            for (name, value) in object where name != "duration_ms" {
                #expect("\(value)" == "\(slow[name] ?? "")", "\(name)")
            }
            #expect(object["duration_ms"] as? Double == 1.234 && slow["duration_ms"] as? String == "1.234")
            #expect(object.count == slow.count - 4)
        }
    }

    @Test("lines that gather keep their place among the others, and each has its time")
    func order() async throws {
        let directory = try TemporaryDirectory("access")
        let path = try directory.write("log", "")
        let descriptor = unsafe open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
        // The sink's thread writes to it as long as the process lives, so it stays open.
        let sink = LogSink(descriptor: descriptor)
        sink.configure(format: .json, levels: LogLevels(.info, modules: [.access: .info]))
        let (access, other) = (Logger(label: "access", sink: sink), Logger(label: "http", sink: sink))
        for number in 0..<300 {
            access.access(Self.record { $0.status = number })
            if number % 100 == 99 { other.warning("between", ["number": .integer(number)]) }
        }
        let lines = try await eventually("all lines") {
            let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
            return lines.count == 303 ? lines : nil
        }
        let numbers = try lines.map { line in
            let object = try Self.object(line.utf8)
            #expect((object["time"] as? String)?.count == 24)
            return object["status"] as? Int ?? object["number"] as? Int
        }
        let expected: [Int?] = (0..<300).flatMap { (number: Int) -> [Int] in
            number % 100 == 99 ? [number, number] : [number]
        }
        #expect(numbers == expected)
    }

    @Test("it is written where it is asked for by name, or where nearly everything is")
    func levels() {
        func writes(_ levels: LogLevels) -> Bool { levels.minimum(of: "access") <= .info }
        #expect(
            !writes(LogLevels(.info)) && !writes(LogLevels(.warning))
                && !writes(LogLevels(.info, modules: [.http: .debug])))
        #expect(writes(LogLevels(.debug)) && writes(LogLevels(.error, modules: [.access: .info])))
        #expect(!writes(LogLevels(.trace, modules: [.access: .warning])))
    }
}
