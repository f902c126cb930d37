import Foundation
package import Glibc
import Synchronization

/// How a program ended.
package enum ProgramExit: Equatable, Sendable {
    case exited(Int32)
    case signalled(Int32)
}

/// A program that a test started in a session of its own, its output in files.
///
/// Output goes to files and not to pipes: nothing has to be drained, and it is all there after a crash.
package final class RunningProgram: Sendable {
    package let pid: pid_t
    package let outputPath: String
    package let errorPath: String
    private let ended = Mutex<ProgramExit?>(nil)

    /// Starts `executable` with exactly this environment; `input` is the path of its standard input. With `pipes` its
    /// standard input and output are these descriptors instead.
    package init(
        _ executable: String, _ arguments: [String] = [], environment: [String: String] = [:],
        in directory: String? = nil, logs: TemporaryDirectory, name: String = "program", input: String = "/dev/null",
        pipes: (input: Int32, output: Int32)? = nil
    ) throws {
        let stem = logs.file("\(name)-\(UUID().uuidString.prefix(6))")
        outputPath = stem + ".out"
        errorPath = stem + ".err"
        pid = try spawn(
            executable, arguments, environment, directory: directory, input: input, output: outputPath,
            error: errorPath, pipes: pipes)
        let pid = pid
        Thread.detachNewThread { [self] in
            let exit = waitForExit(of: pid)
            ended.withLock { $0 = exit }
        }
    }

    /// What it wrote to standard output so far.
    package var output: String { readText(outputPath) }
    /// What it wrote to standard error so far.
    package var errors: String { readText(errorPath) }
    /// How it ended; nil while it runs.
    package var exit: ProgramExit? { ended.withLock { $0 } }

    package func signal(_ number: Int32) { _ = Glibc.kill(pid, number) }

    /// Waits for the end; throws when it takes longer than `limit`.
    @discardableResult
    package func waitUntilExit(within limit: Duration = .seconds(10)) async throws -> ProgramExit {
        try await eventually("end of \(pid); it wrote: \(errors.suffix(2000))", within: limit) { exit }
    }

    /// Runs a program to its end on the calling thread, and returns how it ended and what it wrote.
    ///
    /// Foundation's `Process` is no help where tests run side by side: its pipes are open in whatever another thread
    /// starts at that moment, and then they have no end.
    package static func run(
        _ executable: String, _ arguments: [String], within limit: Duration = .seconds(30)
    ) throws -> (exit: ProgramExit, text: String) {
        let logs = try TemporaryDirectory("program")
        let program = try RunningProgram(executable, arguments, logs: logs)
        let deadline = ContinuousClock.now + limit
        while true {
            if let exit = program.exit { return (exit, program.output + program.errors) }
            guard ContinuousClock.now < deadline else {
                program.killTree()
                throw DeadlineExceeded(what: "end of \(executable) \(arguments); it wrote: \(program.errors)")
            }
            Thread.sleep(forTimeInterval: 0.002)
        }
    }

    /// Kills the program and everything it started.
    package func killTree() {
        for process in ProcessTable.descendants(of: pid).reversed() { _ = Glibc.kill(process, SIGKILL) }
        _ = Glibc.kill(-pid, SIGKILL)
        _ = Glibc.kill(pid, SIGKILL)
    }
}

private func readText(_ path: String) -> String {
    String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
}

private func waitForExit(of pid: pid_t) -> ProgramExit {
    var status: Int32 = 0
    while unsafe waitpid(pid, &status, 0) < 0 {
        guard errno == EINTR else { return .exited(-1) }
    }
    return status & 0x7f == 0 ? .exited((status >> 8) & 0xff) : .signalled(status & 0x7f)
}

/// POSIX_SPAWN_SETSID of <spawn.h>, which the Glibc module does not show.
private let spawnSetSession: Int32 = 0x80

private func spawn(
    _ program: String, _ programArguments: [String], _ environment: [String: String], directory: String?, input: String,
    output: String, error: String, pipes: (input: Int32, output: Int32)?
) throws -> pid_t {
    // `env -C` changes the folder and becomes the program: the process keeps its number.
    let executable = directory == nil ? program : "/usr/bin/env"
    let arguments = (directory.map { ["-C", $0, program] } ?? []) + programArguments
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    if let pipes {
        unsafe posix_spawn_file_actions_adddup2(&actions, pipes.input, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, pipes.output, 1)
    } else {
        unsafe posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
        unsafe posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    }
    unsafe posix_spawn_file_actions_addopen(&actions, 2, error, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    // Ours are nobody else's business: a pipe of one test, open in the program of another, would have no end.
    // Closing one that is not open does no harm.
    for inherited in Int32(3)..<4096 { unsafe posix_spawn_file_actions_addclose(&actions, inherited) }
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    unsafe posix_spawnattr_setflags(
        &attributes, Int16(spawnSetSession | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    // The tests' own threads block signals; what they start must not.
    var nothing = sigset_t()
    unsafe sigemptyset(&nothing)
    unsafe posix_spawnattr_setsigmask(&attributes, &nothing)
    var defaults = sigset_t()
    unsafe sigfillset(&defaults)
    unsafe posix_spawnattr_setsigdefault(&attributes, &defaults)

    var argv: [UnsafeMutablePointer<CChar>?] = unsafe ([executable] + arguments).map { unsafe strdup($0) } + [nil]
    var envp: [UnsafeMutablePointer<CChar>?] =
        unsafe environment.map { unsafe strdup("\($0.key)=\($0.value)") } + [nil]
    defer {
        for index in unsafe argv.indices { unsafe free(argv[index]) }
        for index in unsafe envp.indices { unsafe free(envp[index]) }
    }
    var pid: pid_t = 0
    let code = unsafe posix_spawn(&pid, executable, &actions, &attributes, &argv, &envp)
    guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: code) ?? .EIO, userInfo: ["program": executable]) }
    return pid
}
