import Crypto
import Foundation
import JSON
import Telemetry
import Testing

@Suite struct AuditTests {
    @Test func aDayEndsWhereItsEventsEnd() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let log = FileAuditLog(
            folder: folder.path, retentionDays: 90, digest: { SHA256.digest($0).bytes }, logger: Logger(label: "test"))
        let midnight = Timestamp(millisecondsSinceEpoch: 1_795_219_200_000)
        for offset in -3..<5 {
            log.record(AuditEvent(time: midnight + .milliseconds(offset), action: .toolCalled))
        }
        log.flush()
        let counts = try ["2026-11-20", "2026-11-21"].map { day in
            try Data(contentsOf: folder.appendingPathComponent("\(day).jsonl")).filter { $0 == 0x0A }.count
        }
        #expect(counts == [1 + 3, 1 + 5], "after the line that says what the file continues")
    }

    @Test func eventsAreLinesOfTheirDayAndOldDaysGo() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data().write(to: folder.appendingPathComponent("2020-01-01.jsonl"))
        let log = FileAuditLog(
            folder: folder.path, retentionDays: 2, digest: { SHA256.digest($0).bytes }, logger: Logger(label: "test"))
        let noon = Timestamp(millisecondsSinceEpoch: 1_795_262_400_000)
        for number in 0..<100 {
            log.record(AuditEvent(time: noon, action: .toolCalled, user: "u\r\n\(number)", tool: "echo"))
        }
        log.flush()
        let file = folder.appendingPathComponent("\(CivilDate(noon).dayText).jsonl")
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 1 + 100)
        let first = try JSONDocument(parsing: Array(try #require(lines.dropFirst().first).utf8))
        #expect(first.root["action"]?.string == "tool_called")
        #expect(first.root["user"]?.string == "u\\u{d}\\u{a}0")
        let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("2020-01-01.jsonl").path))
    }
}
