import Foundation
import Glibc

/// The built program under test: its own data directory, its own port, its output in files.
package final class GatewayProcess {
    package let directory: TemporaryDirectory
    package let port: Int
    package private(set) var program: RunningProgram?
    private let arguments: [String]
    private let environment: [String: String]
    private let isSecure: Bool
    /// Where it keeps its state.
    package let dataDirectory: String

    /// `configuration` is the text of a YAML file or of an `mcpServers` JSON; nil starts the built-in default.
    /// `command` replaces `serve` and what follows it (`bridge`, `run`). With `sharing` it works on the other one's data
    /// directory. `isSecure` says that its configuration has `tls`.
    package init(
        configuration: String? = nil, fileName: String = "sallyport.yaml", command: [String] = ["serve"],
        commandTail: [String] = [], environment: [String: String] = [:], port fixed: Int? = nil,
        sharing other: GatewayProcess? = nil, isSecure: Bool = false
    ) throws {
        self.isSecure = isSecure
        directory = try TemporaryDirectory("gateway")
        port = try fixed ?? FreePort.find()
        var arguments = command + ["--listen", "127.0.0.1:\(port)"]
        dataDirectory = other?.dataDirectory ?? directory.file("data")
        if command.first != "bridge" { arguments += ["--data-dir", dataDirectory] }
        if let configuration { arguments += ["--config", try directory.write(fileName, configuration)] }
        self.arguments = arguments + commandTail
        self.environment = Self.environment(home: directory.path).merging(environment) { $1 }
    }

    deinit { program?.killTree() }

    /// What a program finds in its environment when nothing is configured there.
    package static func environment(home: String) -> [String: String] {
        ["PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": home, "LANG": "C.UTF-8"]
    }

    package var origin: String { "\(isSecure ? "https" : "http")://localhost:\(port)" }
    /// The gateway itself, also when it was started under another program.
    package private(set) var pid: Int32 = 0
    /// Everything the program logged in its present life.
    package var log: String { program?.errors ?? "" }

    /// Waits until its log has this text: lines are written a moment after what they tell of.
    package func logs(_ text: String, within limit: Duration = .seconds(10)) async throws {
        try await eventuallyTrue("the log to have \(text); it has: \(log.suffix(2000))", within: limit) {
            log.contains(text)
        }
    }

    /// Starts and waits until it is ready to serve.
    package func start(within limit: Duration = .seconds(15), wrapper: [String] = []) async throws {
        let words = wrapper + [Checkout.binary] + arguments
        let program = try RunningProgram(
            words[0], Array(words.dropFirst()), environment: environment, in: directory.path, logs: directory,
            name: "sallyport")
        self.program = program
        pid = program.pid
        let (port, isSecure) = (port, isSecure)
        try await eventuallyTrue("sallyport to be ready; it wrote: \(program.errors)", within: limit) {
            if let exit = program.exit {
                throw PlainBrowser.WalkError(description: "sallyport ended (\(exit)): \(program.errors)")
            }
            // It says so once everything stands.
            if isSecure { return program.errors.contains("\"message\":\"serving\"") }
            return try await onThread { Self.isReady(port) }
        }
        // Some wrappers become the gateway, others start it.
        if !wrapper.isEmpty, !ProcessTable.commandLine(pid).hasPrefix(Checkout.binary) {
            pid = ProcessTable.descendants(of: program.pid).first ?? program.pid
        }
    }

    private static func isReady(_ port: Int) -> Bool {
        // Nobody listens yet, or not ready yet: both are "no".
        guard let answer = try? PlainHTTP.exchange(port: port, "GET", "/ready", timeout: 2) else { return false }
        return answer.status == 200
    }

    /// Ends it as a power cut would, as far as a process can: no handler runs.
    package func killHard() async throws {
        kill(pid, SIGKILL)
        try await program?.waitUntilExit()
    }

    /// Ends it as an operator would.
    @discardableResult
    package func terminate(within limit: Duration = .seconds(20)) async throws -> ProgramExit? {
        kill(pid, SIGTERM)
        return try await program?.waitUntilExit(within: limit)
    }

    /// Runs another command of the program against the same data directory and returns what it printed.
    @discardableResult
    package func command(_ arguments: [String], input: String = "", dataDirectory: Bool = true) async throws -> (
        exit: ProgramExit, output: String, errors: String
    ) {
        let tail = dataDirectory ? ["--data-dir", self.dataDirectory] : []
        let inputPath = try directory.write("input-\(UUID().uuidString.prefix(6))", input)
        let run = try RunningProgram(
            Checkout.binary, arguments + tail, environment: environment, in: directory.path, logs: directory,
            name: "command", input: inputPath)
        let exit = try await run.waitUntilExit(within: .seconds(20))
        return (exit, run.output, run.errors)
    }

    /// Makes a local account.
    package func addUser(_ name: String, password: String) async throws {
        let result = try await command(["user", "add", name, "--password-stdin"], input: password + "\n")
        guard result.exit == .exited(0) else {
            throw PlainBrowser.WalkError(description: "user add: \(result.exit) \(result.output) \(result.errors)")
        }
    }

    /// One request to it.
    package func request(
        _ method: String, _ target: String, _ headers: [String: String] = [:], body: String = "", timeout: Double = 10
    ) async throws -> PlainResponse {
        let port = port
        return try await onThread {
            try PlainHTTP.exchange(port: port, method, target, headers, body: Array(body.utf8), timeout: timeout)
        }
    }

    /// The value of a metric; nil when there is none of this name.
    package func metric(_ name: String) async throws -> Int? {
        let lines = try await request("GET", "/metrics").text.split(separator: "\n")
        return lines.first { $0.hasPrefix(name + " ") }?.split(separator: " ").last.flatMap { Int($0) }
    }
}
