import Foundation

/// Runs a script of Tests/EndToEndTests/Clients in one of the private Python environments.
package enum PythonClient {
    /// What a script reported: one JSON object, on the last line of its output.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// Runs `script` with `input` as its JSON argument and returns its report.
    package static func run(
        _ script: String, in environment: String, _ input: [String: Any], within limit: Duration = .seconds(60),
        extra: [String: String] = [:]
    ) async throws -> [String: Any] {
        let logs = try TemporaryDirectory("python")
        let argument = String(decoding: try JSONSerialization.data(withJSONObject: input), as: UTF8.self)
        var variables = GatewayProcess.environment(home: logs.path)
        variables["PYTHONDONTWRITEBYTECODE"] = "1"
        variables.merge(extra) { $1 }
        let program = try RunningProgram(
            Checkout.python(environment), [Checkout.client(script), argument], environment: variables, in: logs.path,
            logs: logs, name: "client")
        defer { program.killTree() }
        let exit = try await program.waitUntilExit(within: limit)
        let lines = program.output.split(separator: "\n")
        guard exit == .exited(0), let last = lines.last,
            let report = try? JSONSerialization.jsonObject(with: Data(last.utf8)) as? [String: Any]
        else {
            // The last line of a traceback says what happened; summaries of a run show the first line only.
            let reason = program.errors.split(separator: "\n").last ?? ""
            throw Failure(
                description: """
                    \(script) in .venv-\(environment): \(exit), \(reason)
                    \(program.output)
                    \(program.errors.suffix(4000))
                    """)
        }
        return report
    }
}
