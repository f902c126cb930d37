import JSON
import Telemetry

/// What an examination found, of every client.
struct Diagnosis: Sendable {
    /// One client's way.
    struct Patient: Sendable {
        let client: ClientProfile
        let findings: [Finding]

        var verdict: Finding.Verdict { findings.map(\.verdict).max() ?? .passed }
    }

    let endpoint: String
    let patients: [Patient]
    /// Why nothing was tried behind the login; nil where it was.
    let notTried: String?

    var stuck: Int { patients.count { $0.verdict == .failed } }

    /// For a person: what is wrong; with `everything` also what is not.
    func text(everything: Bool) -> String {
        let shared = patients.count > 1 ? sharedTroubles : []
        var lines = ["\(endpoint)", ""]
        if !shared.isEmpty {
            lines.append("Every client")
            lines += shared.flatMap(Self.lines)
            lines.append("")
        }
        for patient in patients {
            let source = everything ? " (known from \(patient.client.asOf))" : ""
            lines.append("\(patient.client.name): \(Self.summary(patient))\(source)")
            lines += patient.findings.filter { everything || $0.verdict >= .warning && !shared.contains($0) }
                .flatMap(Self.lines)
        }
        lines += ["", "\(patients.count - stuck) of \(patients.count) clients get in as far as this was tried."]
        if let notTried { lines.append("Nothing was tried behind the login: \(notTried)") }
        return lines.joined(separator: "\n")
    }

    /// What every one of them meets.
    private var sharedTroubles: [Finding] {
        guard let first = patients.first else { return [] }
        return first.findings.filter { finding in
            finding.verdict >= .warning && patients.allSatisfy { $0.findings.contains(finding) }
        }
    }

    private static func summary(_ patient: Patient) -> String {
        switch patient.verdict {
        case .passed, .noted: "gets in"
        case .warning: "gets in, with warnings"
        case .failed: "does not get in"
        }
    }

    /// What strangers wrote is in it: nothing of that may drive a terminal (O01).
    private static func lines(_ finding: Finding) -> [String] {
        let label = finding.verdict.rawValue
        let indent = String(repeating: " ", count: 10)
        let first =
            "  \(label)" + String(repeating: " ", count: max(1, 8 - label.count)) + LogText.sanitized(finding.seen)
        return [first] + (finding.remedy.map { ["\(indent)-> \(LogText.sanitized($0))"] } ?? [])
    }

    /// For a program.
    var json: JSONValue {
        [
            "endpoint": .string(endpoint), "login": .boolean(notTried == nil),
            "clients": .array(
                patients.map { patient in
                    [
                        "id": .string(patient.client.id), "name": .string(patient.client.name),
                        "as_of": .string(patient.client.asOf),
                        "verdict": .string(patient.verdict.rawValue),
                        "findings": .array(patient.findings.map(\.json)),
                    ]
                }),
        ]
    }
}
