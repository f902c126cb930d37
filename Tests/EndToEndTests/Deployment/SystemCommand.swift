import Foundation
import Glibc
import TestSupport

/// A command of the system that a test waits for, with what the test's own environment says.
struct SystemCommand {
    let exit: ProgramExit
    let output: String
    let errors: String

    var hasSucceeded: Bool { exit == .exited(0) }
    var text: String { "\(exit)\n\(output)\n\(errors)" }

    /// Runs `words`; those that need root get it by sudo where we are not.
    static func run(
        _ words: [String], asRoot: Bool = false, environment: [String: String] = [:], input: String = "",
        within limit: Duration = .seconds(60)
    ) async throws -> SystemCommand {
        let logs = try TemporaryDirectory("command")
        let file = try logs.write("input", input)
        let words = asRoot ? rootWords(words) : words
        let program = try RunningProgram(
            "/usr/bin/env", words, environment: variables(environment), logs: logs, input: file)
        defer { program.killTree() }
        let exit = try await program.waitUntilExit(within: limit)
        return SystemCommand(exit: exit, output: program.output, errors: program.errors)
    }

    /// The same, where anything but success is the end of the test.
    @discardableResult
    static func need(
        _ words: [String], asRoot: Bool = false, environment: [String: String] = [:], input: String = "",
        within limit: Duration = .seconds(60)
    ) async throws -> String {
        let command = try await run(words, asRoot: asRoot, environment: environment, input: input, within: limit)
        guard command.hasSucceeded else {
            throw PlainBrowser.WalkError(description: "\(words.joined(separator: " ")): \(command.text)")
        }
        return command.output
    }

    /// Whether anything can be run as root here: by root, or by sudo without a question.
    static let canBeRoot: Bool = {
        guard geteuid() != 0 else { return true }
        let question = Process()
        question.executableURL = URL(fileURLWithPath: "/usr/bin/sudo")
        question.arguments = ["-n", "true"]
        question.standardError = FileHandle.nullDevice
        // No sudo: no root.
        guard (try? question.run()) != nil else { return false }
        question.waitUntilExit()
        return question.terminationStatus == 0
    }()

    static func rootWords(_ words: [String]) -> [String] {
        geteuid() == 0 ? words : ["/usr/bin/sudo", "-n"] + words
    }

    static func variables(_ more: [String: String] = [:]) -> [String: String] {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        return ["PATH": path + ":/usr/sbin:/usr/bin:/sbin:/bin", "HOME": NSTemporaryDirectory(), "LANG": "C.UTF-8"]
            .merging(more) { $1 }
    }
}
