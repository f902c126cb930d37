import Crypto
import Foundation
import JSON
import TestSupport
import Testing

@testable import Telemetry

/// The chain of seals through the audit trail.
@Suite struct AuditTrailVerifierTests {
    private static let noon = Timestamp(millisecondsSinceEpoch: 1_795_262_400_000)
    private static let digest: AuditSeal.Digest = { SHA256.digest($0).bytes }
    private static let days = ["2026-11-21", "2026-11-22", "2026-11-23"]

    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory("audit")
    }

    private func log(retentionDays: Int = 90) -> FileAuditLog {
        FileAuditLog(
            folder: directory.path, retentionDays: retentionDays, digest: Self.digest,
            logger: Logger(label: "t", sink: LogSink { _ in }))
    }

    private func verify(_ noted: AuditSeal? = nil) -> AuditTrailVerifier.Report {
        AuditTrailVerifier(folder: directory.path, digest: Self.digest).verify(noted: noted)
    }

    // Three days with two writes of three events each.
    private func writeThreeDays() {
        let log = log()
        for write in 0..<6 {
            let time = Self.noon + .seconds(write / 2 * 86_400 + write % 2)
            for number in 0..<3 { log.record(AuditEvent(time: time, action: .toolCalled, user: "u\(write).\(number)")) }
            log.flush()
        }
    }

    private func lines(_ day: String) throws -> [String] {
        try String(contentsOfFile: directory.file("\(day).jsonl"), encoding: .utf8).split(separator: "\n").map(
            String.init)
    }

    private func replace(_ day: String, _ lines: [String]) throws {
        _ = try directory.write("\(day).jsonl", lines.joined(separator: "\n") + "\n")
    }

    @Test("what was written is whole, and a seal that was noted is found in it")
    func whole() throws {
        #expect(verify().days.isEmpty)
        writeThreeDays()
        let report = verify()
        #expect(report.faults.isEmpty && report.days == Self.days && report.isFromTheBeginning)
        #expect(report.sealedLines == 3 * (1 + 6) && report.unsealedLines == 0)
        let noted = try #require(report.head)
        log().record(AuditEvent(time: Self.noon + .seconds(200_000), action: .toolCalled))
        #expect(verify(noted).hasNoted && verify(AuditSeal(String(repeating: "a", count: 64).utf8)).hasNoted == false)
    }

    @Test("a seal is the digest of the seal before it and of the bytes since, as the documentation says")
    func byHand() throws {
        writeThreeDays()
        var seal = String(repeating: "0", count: 64)
        for day in Self.days {
            var since = ""
            for line in try lines(day) {
                guard let chain = line.range(of: ",\"chain\":\"") else {
                    since += line + "\n"
                    continue
                }
                since += line[..<chain.lowerBound]
                let digest = SHA256.digest(Array((seal + since).utf8)).bytes
                seal = digest.map { String(format: "%02x", $0) }.joined()
                #expect(line.hasSuffix(",\"chain\":\"\(seal)\"}"))
                since = ""
            }
            #expect(since.isEmpty)
        }
    }

    @Test(
        "a line that is changed, removed, put in or moved is found, and where",
        arguments: [
            "change": { (lines: inout [String]) in lines[2] = lines[2].replacingOccurrences(of: "u2.1", with: "u9.9") },
            "remove": { (lines: inout [String]) in lines.remove(at: 2) },
            "put in": { (lines: inout [String]) in lines.insert(lines[1], at: 1) },
            "move": { (lines: inout [String]) in lines.swapAt(1, 2) },
            "unseal": { (lines: inout [String]) in lines[3] = String(lines[3].prefix(40)) + "\"}" },
        ] as [String: @Sendable (inout [String]) -> Void])
    func tampering(name: String, change: @Sendable (inout [String]) -> Void) throws {
        writeThreeDays()
        var changed = try lines(Self.days[1])
        change(&changed)
        try replace(Self.days[1], changed)
        let report = verify()
        let fault = try #require(report.faults.first, "\(name)")
        #expect(fault.day == Self.days[1] && fault.lines.lowerBound == 1)
        #expect(report.faults.count == 1, "what comes after is still in its order")
    }

    @Test("a day that is missing, emptied or cut off in the middle of the trail is found")
    func days() throws {
        writeThreeDays()
        let middle = try lines(Self.days[1])
        try FileManager.default.removeItem(atPath: directory.file("\(Self.days[1]).jsonl"))
        #expect(verify().faults.map(\.day) == [Self.days[2]])
        #expect(verify().faults.first?.problem.contains("\(Self.days[1]), which is missing") == true)
        try replace(Self.days[1], [])
        #expect(verify().faults.map(\.day) == [Self.days[1], Self.days[2]])
        try replace(Self.days[1], Array(middle.prefix(4)))
        #expect(verify().faults.map(\.day) == [Self.days[2]])
        try replace(Self.days[1], middle)
        #expect(verify().faults.isEmpty)
    }

    @Test("the end cut off at a seal shows by the seal that was noted")
    func cut() throws {
        writeThreeDays()
        let noted = try #require(verify().head)
        try replace(Self.days[2], Array(try lines(Self.days[2]).prefix(4)))
        let report = verify(noted)
        #expect(report.faults.isEmpty && !report.hasNoted)
    }

    @Test("retention takes the oldest days and leaves a whole trail")
    func retention() throws {
        writeThreeDays()
        let log = log(retentionDays: 2)
        log.record(AuditEvent(time: Self.noon + .seconds(2 * 86_400 + 60), action: .toolCalled))
        log.flush()
        let report = verify()
        #expect(report.days == Array(Self.days.dropFirst()) && report.faults.isEmpty && !report.isFromTheBeginning)
    }

    @Test("several writers at once make one chain, over midnight too")
    func writers() async throws {
        let logs = (0..<4).map { _ in log() }
        let midnight = Self.noon + .seconds(43_200)
        await withTaskGroup(of: Void.self) { group in
            for (number, log) in logs.enumerated() {
                group.addTask {
                    for write in -10..<10 {
                        log.record(
                            AuditEvent(time: midnight + .milliseconds(write * 7 + number), action: .toolCalled))
                        log.flush()
                    }
                }
            }
        }
        let report = verify()
        #expect(report.faults.isEmpty && report.sealedLines == 4 * 20 + 2 && report.unsealedLines == 0)
    }

    @Test("half a line of a writer that was killed is sealed by the next one")
    func killed() throws {
        writeThreeDays()
        let torn = try lines(Self.days[2]).joined(separator: "\n") + "\n{\"time\":\"2026-11-23T1"
        _ = try directory.write("\(Self.days[2]).jsonl", torn)
        #expect(verify().faults.isEmpty && verify().unsealedLines == 1)
        let log = log()
        log.record(AuditEvent(time: Self.noon + .seconds(2 * 86_400 + 60), action: .toolCalled, user: "after"))
        log.flush()
        #expect(verify().faults.isEmpty && verify().unsealedLines == 0)
        let last = try #require(try lines(Self.days[2]).last)
        #expect(try JSONDocument(parsing: Array(last.utf8)).root["user"]?.string == "after", "a line of its own")
        // The same at the end of a day.
        _ = try directory.write(
            "\(Self.days[2]).jsonl", try lines(Self.days[2]).joined(separator: "\n") + "\n{\"time\":\"2026-11-23T1")
        log.record(AuditEvent(time: Self.noon + .seconds(3 * 86_400), action: .toolCalled))
        log.flush()
        #expect(verify().faults.isEmpty && verify().days.count == 4)
    }

    @Test("text of strangers cannot look like a seal")
    func imitation() throws {
        let log = log()
        let seal = String(repeating: "b", count: 64)
        log.record(AuditEvent(time: Self.noon, action: .toolCalled, tool: "x\",\"chain\":\"\(seal)"))
        log.record(AuditEvent(time: Self.noon, action: .toolCalled, detail: [("chain", seal)]))
        log.record(AuditEvent(time: Self.noon, action: .toolCalled))
        log.flush()
        let report = verify(AuditSeal(seal.utf8))
        #expect(report.faults.isEmpty && report.sealedLines == 4 && !report.hasNoted)
    }

    @Test("F12: events for which there was no room are counted in the trail where they are missing")
    func lost() async throws {
        let log = log()
        let path = directory.file("\(Self.days[0]).jsonl")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        for _ in 0..<(AuditQueue.capacity + 3) { log.record(AuditEvent(time: Self.noon, action: .toolCalled)) }
        try await eventuallyTrue("the log to fail") { log.isFailing }
        try FileManager.default.removeItem(atPath: path)
        try await eventuallyTrue("the log to work again") { !log.isFailing }
        log.record(AuditEvent(time: Self.noon, action: .signedOut))
        log.flush()
        let written = try lines(Self.days[0])
        #expect(written.count == 1 + AuditQueue.capacity + 2)
        let end = written.suffix(2).joined()
        #expect(end.contains("\"events_lost\"") && end.contains("\"count\":\"3\"") && end.contains("signed_out"))
        #expect(verify().faults.isEmpty)
    }
}
