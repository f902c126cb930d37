import CLibUV
import Glibc

/// A launcher that was just started, and our ends of its pipes.
struct LaunchedProcess: ~Copyable, Sendable {
    let launcher: Int32
    let processDescriptor: FileDescriptor
    let input: FileDescriptor
    let output: FileDescriptor
    let error: FileDescriptor
    let control: FileDescriptor

    /// Starts the launcher on a thread of the pool: copying page tables may take a millisecond.
    static func start(_ configuration: ChildProcess.Configuration) async throws(ChildProcess.SpawnError) -> Handover {
        let confines = configuration.sandbox != nil || configuration.user != nil
        let plan = ControlGroups.plan(configuration.limits, isConfined: confines)
        guard !configuration.executable.isEmpty,
            let specification = specification(configuration, plan?.group, plan?.rest)
        else { throw .invalidConfiguration }
        let group = plan?.group
        if configuration.sandbox != nil, let obstacle = ChildProcess.Sandbox.obstacle { throw .cannotConfine(obstacle) }
        let label = configuration.label
        do {
            return try await BlockingExecutor.shared.run {
                Handover(try start(specification, label: label, group))
            }
        } catch let error as IOError {
            if case .system(let code) = error { throw .system(step: "starting the launcher", code: code) }
            throw error == .overloaded ? .system(step: "starting the launcher", code: EAGAIN) : .launcherFailed
        } catch {
            throw .cancelled
        }
    }

    /// Where folders for temporary files are made.
    static var temporaryFolder: String { Environment["TMPDIR"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "/tmp" }

    private static func specification(
        _ configuration: ChildProcess.Configuration, _ group: ControlGroup?, _ limits: ChildProcess.Limits?
    ) -> [UInt8]? {
        let names = configuration.environment.keys
        guard names.allSatisfy({ !$0.isEmpty && !$0.utf8.contains(UInt8(ascii: "=")) }),
            !configuration.label.utf8.contains(0)
        else { return nil }
        var specification = LaunchSpecification(
            executable: configuration.executable, workingDirectory: configuration.workingDirectory,
            limits: limits ?? configuration.limits, softOpenFiles: DescriptorLimit.ofChildren,
            arguments: configuration.arguments,
            environment: configuration.environment.map { "\($0.key)=\($0.value)" }.sorted() + Orphans.mark)
        specification.user = configuration.user?.numbers
        specification.sandbox = configuration.sandbox
        specification.temporaryFolder = temporaryFolder
        specification.mark = ProcessMark.own?.text ?? ""
        specification.group = group
        return specification.serialized()
    }

    private static func start(
        _ specification: [UInt8], label: String, _ group: ControlGroup?
    ) throws(IOError) -> LaunchedProcess {
        let input = try FileDescriptor.Pair.pipe()
        let output = try FileDescriptor.Pair.pipe()
        let error = try FileDescriptor.Pair.pipe()
        let control = try FileDescriptor.Pair.sockets()
        if DescriptorLimit.isInReserve(control.second.rawValue) { throw .system(code: EMFILE) }
        let memory = unsafe sp_memory_file("sallyport-launch")
        guard memory >= 0 else { throw .last }
        let file = FileDescriptor(owning: memory)
        try file.writeAll(specification)
        guard lseek(file.rawValue, 0, SEEK_SET) == 0 else { throw .last }
        // Numbers above those that they become, so that no duplication overwrites a source.
        let ends = [
            try input.first.duplicate(lowest: 10).release(), try output.second.duplicate(lowest: 10).release(),
            try error.second.duplicate(lowest: 10).release(), try control.second.duplicate(lowest: 10).release(),
            try file.duplicate(lowest: 10).release(),
        ]
        defer { for end in ends { _ = Glibc.close(end) } }
        let launcher = try Orphans.starting(group) { () throws(IOError) in
            // A copy of what stands ready, or from the beginning.
            if let copy = LauncherTemplate.launch(ends, label: label) { return copy }
            return try Launcher.start(ends, arguments: [Launcher.command] + (label.isEmpty ? [] : [label]))
        }
        let processDescriptor = sp_pidfd_open(launcher)
        guard processDescriptor >= 0 else {
            let failure = IOError.last
            kill(launcher, SIGKILL)
            Self.reap(launcher)
            throw failure
        }
        return LaunchedProcess(
            launcher: launcher, processDescriptor: FileDescriptor(owning: processDescriptor),
            input: FileDescriptor(owning: input.takeSecond()), output: FileDescriptor(owning: output.takeFirst()),
            error: FileDescriptor(owning: error.takeFirst()), control: FileDescriptor(owning: control.takeFirst()))
    }

    /// Waits for the end of a launcher that nobody watches; blocking.
    static func reap(_ launcher: Int32) {
        var status: Int32 = 0
        if unsafe waitpid(launcher, &status, 0) == launcher { Orphans.launcherEnded(launcher, status: status) }
    }
}

/// Carries the launched process through a continuation, which takes copyable values only; opened once.
// SAFETY: written before it is handed over, taken once by the receiver.
final class Handover: @unchecked Sendable {
    private var process: LaunchedProcess?

    init(_ process: consuming LaunchedProcess) {
        self.process = consume process
    }

    func take() -> LaunchedProcess? {
        process.take()
    }

    deinit {
        // Nobody adopted it: the descriptors close by themselves, which ends the launcher; it must still be reaped.
        if let process = process.take() {
            let launcher = process.launcher
            _ = consume process
            _ = BlockingExecutor.shared.submit { LaunchedProcess.reap(launcher) }
        }
    }
}
