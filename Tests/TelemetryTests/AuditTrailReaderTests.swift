import Crypto
import Foundation
import TestSupport
import Testing

@testable import Telemetry

/// Reading the audit trail while it is written.
@Suite struct AuditTrailReaderTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory("audit")
    }

    private var reader: AuditTrailReader { AuditTrailReader(folder: directory.path) }

    private func append(_ day: String, _ text: String) throws {
        let path = directory.file("\(day).jsonl")
        if !FileManager.default.fileExists(atPath: path) { _ = try directory.write("\(day).jsonl", "") }
        let file = try #require(FileHandle(forWritingAtPath: path))
        try file.seekToEnd()
        try file.write(contentsOf: Data(text.utf8))
        try file.close()
    }

    private func lines(from position: inout AuditTrailReader.Position) -> [String] {
        var lines: [String] = []
        position = reader.read(from: position) { lines.append(String(decoding: $0, as: UTF8.self)) }
        return lines
    }

    @Test("lines come once, complete ones only, across days, and other files are passed over")
    func positions() throws {
        var position = AuditTrailReader.Position(day: "2026-11-21")
        #expect(lines(from: &position).isEmpty)
        try append("2026-11-20", "old\n")
        try append("2026-11-21", "one\ntwo\nhal")
        _ = try directory.write("notes.txt", "no\n")
        #expect(lines(from: &position) == ["one", "two"])
        #expect(lines(from: &position).isEmpty)
        try append("2026-11-21", "f\n")
        try append("2026-11-22", "next\n")
        #expect(lines(from: &position) == ["half", "next"])
        try append("2026-11-22", "more\n")
        #expect(lines(from: &position) == ["more"])
        #expect(position == AuditTrailReader.Position(day: "2026-11-22", offset: 10))
    }

    @Test("a line of half a megabyte is passed over, the next one is whole")
    func longLine() throws {
        var position = AuditTrailReader.Position(day: "2026-11-21")
        let many = (0..<5000).map { "line \($0)" }
        try append(
            "2026-11-21", many.joined(separator: "\n") + "\n" + String(repeating: "x", count: 1 << 19) + "\nlast\n")
        let read = lines(from: &position)
        #expect(Array(read.prefix(5000)) == many)
        #expect(read.last == "last" && !read.contains { $0.utf8.count > 300_000 })
    }

    @Test("what the log of events writes can be read")
    func written() throws {
        let log = FileAuditLog(
            folder: directory.path, retentionDays: 3, digest: { SHA256.digest($0).bytes },
            logger: Logger(label: "t", sink: LogSink { _ in }))
        let time = Timestamp(millisecondsSinceEpoch: 1_795_239_060_123)
        log.record(AuditEvent(time: time, action: .tokenIssued, user: "u", detail: [("grant", "a\nb")]))
        log.flush()
        var position = AuditTrailReader.Position(day: try #require(reader.days().first))
        let read = lines(from: &position)
        #expect(read.count == 2 && read[0].contains(#""action":"trail_started""#))
        #expect(read[1].contains(#""action":"token_issued""#) && !read[1].contains("\n"))
    }
}
