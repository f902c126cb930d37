import Foundation
import TestSupport
import Testing

/// What `./bench soak` says of what it saw.
@Suite struct SoakVerdictTests {
    /// A soak of `looks` looks, ten seconds each; `memory` in MiB and the counts by the number of the look.
    private func verdict(
        _ looks: Int = 60, memory: String = "30 + 0.05 * (i % 3)", counts: String = "40 + i % 4, 12, 3 + i % 2",
        errors: Int = 0, failures: Int = 0
    ) throws -> String {
        let script = """
            import sys; sys.path.insert(0, sys.argv[1])
            from growth import complaints
            memory = [(10 * i, int((\(memory)) * 2**20)) for i in range(\(looks))]
            looks = [(\(counts)) for i in range(\(looks))]
            print("; ".join(complaints(memory, looks, \(errors), \(failures))))
            """
        let run = try RunningProgram.run(
            "/usr/bin/python3", ["-c", script, Checkout.root + "/Benchmarks"])
        #expect(run.exit == .exited(0), "\(run.text)")
        return run.text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @Test("F28: a soak in which nothing grows has no complaint, whatever it does at the beginning")
    func flat() throws {
        #expect(try verdict() == "")
        #expect(try verdict(memory: "30 + min(i, 19)") == "", "pools that fill")
        #expect(try verdict(memory: "50 - 0.01 * i") == "", "what is given back")
        #expect(try verdict(memory: "30 + 0.0008 * i + 0.05 * (i % 3)") == "", "a third of a MiB an hour")
    }

    @Test(
        "F28: whatever grows in a soak, or fails, is a complaint",
        arguments: [
            ("30 + 0.01 * i + 0.05 * (i % 3)", "40, 12, 3", 0, 0, "memory grows by 3."),
            ("30", "40 + i // 4, 12, 3", 0, 0, "descriptors grow: 54"),
            ("30", "40, 12 + i // 20, 3", 0, 0, "threads grow"),
            ("30", "40, 12, 3 + i // 20", 0, 0, "children grow"), ("30", "40, 12, 3", 1, 0, "1 calls failed"),
            ("30", "40, 12, 3", 0, 2, "2 visits failed"),
        ])
    func growing(memory: String, counts: String, errors: Int, failures: Int, expected: String) throws {
        let said = try verdict(memory: memory, counts: counts, errors: errors, failures: failures)
        #expect(said.hasPrefix(expected) && !said.contains(";"), "\(said)")
        #expect(try verdict(5).contains("too short"))
    }
}
