import AsyncIO
import JSON
import Storage
import Telemetry

/// `sallyport audit verify`: whether the audit trail is as it was written.
enum AuditVerification {
    /// Follows the chain of seals. Needs the files alone, not the store.
    static func run(_ arguments: ParsedArguments, environment: [String: String]) throws(CommandFailure) -> ExitCode {
        let noted = try noted(arguments)
        let configuration = try Configuration.forCommand(
            arguments, environment: environment, purpose: .administration())
        let folder = "\(configuration.dataDirectory)/\(DataDirectory.auditName)"
        let report = AuditTrailVerifier(folder: folder, digest: AuditTrail.digest).verify(noted: noted)
        guard !report.days.isEmpty else {
            throw CommandFailure(
                code: .noInput, message: "there is no audit trail in \(folder)",
                hint: "--data-dir says where the gateway keeps its data; audit.enabled must be true")
        }
        Console.say(arguments.has("--json") ? json(report, noted) : text(report, noted))
        return report.faults.isEmpty && (noted == nil || report.hasNoted) ? .success : .dataError
    }

    private static func noted(_ arguments: ParsedArguments) throws(CommandFailure) -> AuditSeal? {
        guard let text = arguments["--seal"] else { return nil }
        guard let seal = AuditSeal(text.utf8) else {
            throw CommandFailure(
                code: .usage, message: "--seal \(text) is no seal",
                hint: "64 hexadecimal digits, as audit verify prints them")
        }
        return seal
    }

    private static func text(_ report: AuditTrailVerifier.Report, _ noted: AuditSeal?) -> String {
        var lines = report.faults.map { fault in
            let place =
                fault.lines.count == 1
                ? "line \(fault.lines.lowerBound)"
                : "lines \(fault.lines.lowerBound) to \(fault.lines.upperBound)"
            return "\(fault.day).jsonl, \(place): \(fault.problem)"
        }
        func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
        let days = count(report.days.count, "day")
        let beginning = report.isFromTheBeginning ? "from its beginning" : "from \(report.days.first ?? "") on"
        lines.append(
            report.faults.isEmpty
                ? "the trail is whole \(beginning): \(days), \(count(report.sealedLines, "sealed line"))"
                : "the trail is NOT whole: \(count(report.faults.count, "fault")) in \(days)")
        if report.unsealedLines > 0 {
            lines.append(
                "without a seal at the end: \(count(report.unsealedLines, "line")); a gateway was ended while it wrote, or somebody added to it"
            )
        }
        if noted != nil {
            lines.append(
                report.hasNoted
                    ? "the seal that was noted is in it"
                    : "the seal that was noted is NOT in it: the trail was written anew, cut off, or retention took that day"
            )
        }
        if let head = report.head { lines.append("last seal, to be noted elsewhere: \(head)") }
        return lines.joined(separator: "\n")
    }

    private static func json(_ report: AuditTrailVerifier.Report, _ noted: AuditSeal?) -> String {
        let faults = report.faults.map { fault -> JSONValue in
            [
                "day": .string(fault.day), "first_line": .integer(Int64(fault.lines.lowerBound)),
                "last_line": .integer(Int64(fault.lines.upperBound)), "problem": .string(fault.problem),
            ]
        }
        let value: JSONValue = [
            "whole": .boolean(report.faults.isEmpty), "days": .array(report.days.map { .string($0) }),
            "from_the_beginning": .boolean(report.isFromTheBeginning),
            "sealed_lines": .integer(Int64(report.sealedLines)),
            "unsealed_lines": .integer(Int64(report.unsealedLines)),
            "last_seal": report.head.map { .string($0.description) } ?? .null,
            "noted_seal_found": noted == nil ? .null : .boolean(report.hasNoted), "faults": .array(faults),
        ]
        return String(decoding: value.serialized(), as: UTF8.self)
    }
}
