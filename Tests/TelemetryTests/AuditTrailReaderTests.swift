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

    private func backwards(
        _ days: ClosedRange<String> = "0000"..."9999", upTo limit: Int = .max
    ) -> (lines: [String], end: AuditTrailReader.Position) {
        var lines: [String] = []
        let end = reader.readBackwards(in: days) { line in
            lines.append(String(decoding: line, as: UTF8.self))
            return lines.count < limit
        }
        return (lines, end)
    }

    @Test("backwards: newest lines first, of the days that are wanted, and no further than somebody wants")
    func fromTheEnd() throws {
        #expect(backwards().lines.isEmpty && backwards().end == .init(day: "0000"))
        let numbers = (0..<30_000).map { "line \($0) \(String(repeating: "x", count: $0 % 40))" }
        try append("2026-11-19", "old\n")
        try append("2026-11-20", numbers.joined(separator: "\n") + "\n")
        try append("2026-11-21", "\nlast\nhal")
        let newestFirst: [String] = numbers.reversed()
        let all: [String] = ["last", ""] + newestFirst + ["old"]
        #expect(backwards().lines == all)
        #expect(backwards(upTo: 3).lines == Array(all.prefix(3)))
        #expect(backwards("2026-11-20"..."2026-11-20").lines == newestFirst)
        #expect(backwards("2026-11-20"..."2026-11-20").end == .init(day: "2026-11-21", offset: 6), "of the whole trail")
        // Who goes on from there misses nothing.
        var position = backwards(upTo: 1).end
        try append("2026-11-21", "f\n")
        try append("2026-11-22", "next\n")
        #expect(lines(from: &position) == ["half", "next"])
        try append("2026-11-22", "no end")
        #expect(backwards(upTo: 2).lines == ["next", "half"])
    }

    @Test("backwards: a file that nobody of ours wrote is got over")
    func longLineFromTheEnd() throws {
        try append("2026-11-20", String(repeating: "y", count: 1 << 20) + "\nfirst\n")
        try append("2026-11-21", "one\n" + String(repeating: "x", count: 1 << 19) + "\ntwo\n")
        try append("2026-11-22", String(repeating: "z", count: 1 << 19))
        #expect(backwards().lines == ["two", "one", "first"])
        #expect(backwards().end == .init(day: "2026-11-22", offset: 0))
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
