import Crypto
import Foundation
import TestSupport
import Testing

@testable import Telemetry

/// A disk that does not take the audit trail.
@Suite struct AuditFaultTests {
    private static let noon = Timestamp(millisecondsSinceEpoch: 1_795_262_400_000)
    private static let digest: AuditSeal.Digest = { SHA256.digest($0).bytes }

    private let directory: TemporaryDirectory
    private let log: FileAuditLog

    init() throws {
        directory = try TemporaryDirectory("audit")
        log = FileAuditLog(
            folder: directory.path, retentionDays: 90, digest: Self.digest,
            logger: Logger(label: "t", sink: LogSink { _ in }))
    }

    private func record(_ user: String, at time: Timestamp = noon) {
        log.record(AuditEvent(time: time, action: .toolCalled, user: user))
    }

    private func users(_ day: String) throws -> [String] {
        try String(contentsOfFile: directory.file("\(day).jsonl"), encoding: .utf8)
            .matches(of: /"user":"([a-z0-9]+)"/).map { String($0.output.1) }
    }

    private func verify() -> AuditTrailVerifier.Report {
        AuditTrailVerifier(folder: directory.path, digest: Self.digest).verify(noted: nil)
    }

    @Test("F12: what cannot be written waits, and is there in its order when it can be, once")
    func waits() async throws {
        record("a1")
        log.flush()
        #expect(!log.isFailing)
        let file = directory.file("2026-11-21.jsonl")
        try FileManager.default.moveItem(atPath: file, toPath: directory.file("kept"))
        try FileManager.default.createDirectory(atPath: file, withIntermediateDirectories: false)
        record("b1")
        try await eventuallyTrue("the log to fail") { log.isFailing }
        for number in 2..<50 { record("b\(number)") }
        record("c1", at: Self.noon + .seconds(86_400))
        try FileManager.default.removeItem(atPath: file)
        try FileManager.default.moveItem(atPath: directory.file("kept"), toPath: file)
        try await eventuallyTrue("the log to work again") { !log.isFailing }
        record("c2", at: Self.noon + .seconds(86_400))
        try await eventuallyTrue("all of them") {
            log.flush()
            return try users("2026-11-22") == ["c1", "c2"]
        }
        #expect(try users("2026-11-21") == ["a1"] + (1..<50).map { "b\($0)" })
        #expect(verify().faults.isEmpty, "\(verify().faults)")
    }

    @Test("F12: an end that cannot be read is no end: the trail waits, and goes on where it was")
    func unreadable() async throws {
        record("a1")
        log.flush()
        let file = directory.file("2026-11-21.jsonl")
        try FileManager.default.moveItem(atPath: file, toPath: directory.file("kept"))
        // No trail is read through a link.
        try FileManager.default.createSymbolicLink(atPath: file, withDestinationPath: directory.file("kept"))
        record("b1", at: Self.noon + .seconds(86_400))
        try await eventuallyTrue("the log to fail") { log.isFailing }
        try FileManager.default.removeItem(atPath: file)
        try FileManager.default.moveItem(atPath: directory.file("kept"), toPath: file)
        try await eventuallyTrue("the log to work again") { !log.isFailing }
        #expect(try users("2026-11-22") == ["b1"])
        #expect(verify().faults.isEmpty, "\(verify().faults)")
    }

    @Test(
        "F12: what waits is bounded in number and in size, and the trail says where events are missing",
        arguments: [("", AuditQueue.capacity), (String(repeating: "x", count: 1000), 20_000)])
    func bounded(filler: String, least: Int) throws {
        var queue = AuditQueue()
        let detail = [("a", filler), ("b", filler)]
        var kept = 0
        while queue.append(AuditEvent(time: Self.noon, action: .toolCalled, user: "u\(kept)", detail: detail)) {
            kept += 1
            try #require(kept <= AuditQueue.capacity)
        }
        #expect(filler.isEmpty ? kept == least : (10_000...least).contains(kept), "32 MiB of lines of some 2 KiB")
        let more = AuditEvent(time: Self.noon, action: .toolCalled, user: "lost")
        for _ in 0..<6 where queue.append(more) { Issue.record("there was room") }
        #expect(queue.lost == 7)
        var pending: [AuditQueue.Batch] = []
        let early = queue.take(after: &pending)
        let isKept = queue.append(more)
        #expect(early == 0 && !isKept, "what is taken still waits")
        let batch = try #require(pending.first)
        #expect(pending.count == 1 && batch.events == kept && queue.events == kept)
        queue.written(batch)
        pending = []
        let isLaterKept = queue.append(AuditEvent(time: Self.noon, action: .toolCalled, user: "later"))
        let missing = queue.take(after: &pending)
        #expect(isLaterKept && missing == 8)
        let lines = String(decoding: try #require(pending.first).text, as: UTF8.self).split(separator: "\n")
        #expect(lines.count == 2 && lines[0].contains("events_lost") && lines[0].contains("\"count\":\"8\""))
        #expect(lines[1].contains("later"))
        queue.written(pending[0])
        #expect(queue.events == 0 && queue.lost == 0 && queue.isEmpty)
    }

    @Test("F12: the log hears at once that the trail fails, then once a minute, and that it is over")
    func words() {
        var trouble = AuditTrouble()
        let start = ContinuousClock.now
        var heard: [String] = []
        for (second, isFailing) in [
            (0, false), (0, true), (59, true), (59, false), (59, true), (59, false), (60, true), (61, false),
        ] {
            if isFailing, trouble.failed(at: start + .seconds(second)) { heard.append("\(second) fails") }
            if !isFailing, trouble.ended() { heard.append("\(second) over") }
        }
        #expect(heard == ["0 fails", "59 over", "60 fails", "61 over"], "one that comes and goes is no news")
        var counts: [Int?] = []
        for (second, count) in [(0, 0), (0, 3), (30, 4), (60, 0), (120, 0)] {
            counts.append(trouble.missing(count, at: start + .seconds(second)))
        }
        #expect(counts == [nil, 3, nil, 4, nil])
    }
}
