extension ChildProcess {
    /// What to start and how.
    package struct Configuration: Sendable {
        /// A path, or a name that is looked for in the `PATH` of ``environment``.
        package var executable: String
        /// The arguments after the name of the program; passed as they are, no shell is involved.
        package var arguments: [String]
        /// The whole environment: nothing is inherited.
        package var environment: [String: String]
        /// The folder to start in; ours when nil.
        package var workingDirectory: String?
        package var limits: Limits
        /// The account to run as; ours when nil. Only root may name another.
        package var user: SystemUser?
        /// What it may reach; nil means whatever the account may.
        package var sandbox: Sandbox?
        /// A word for process lists, so that an operator sees to whom a launcher belongs.
        package var label: String
        /// How long the launcher and `execve` may take.
        package var startTimeout: Duration
        /// Is kept for as long as the child has an owner, wherever it moves: who counts children counts by it.
        package var companion: (any AnyObject & Sendable)?

        package init(
            executable: String, arguments: [String] = [], environment: [String: String] = [:],
            workingDirectory: String? = nil, limits: Limits = Limits(), label: String = "",
            startTimeout: Duration = .seconds(10)
        ) {
            self.executable = executable
            self.arguments = arguments
            self.environment = environment
            self.workingDirectory = workingDirectory
            self.limits = limits
            self.label = label
            self.startTimeout = startTimeout
        }
    }

    /// What a child and its descendants may use; nil leaves what we have. Core dumps are always off.
    ///
    /// Where control groups can be made (``ControlGroups``) the first three hold for all of them together. Elsewhere memory
    /// and processes are held by setrlimit, as the others always are, and processors by nothing.
    package struct Limits: Hashable, Sendable {
        /// Bytes; without a group of private writable memory of each process (RLIMIT_DATA).
        package var memory: UInt64?
        /// Processes and threads; without a group all those of the account (RLIMIT_NPROC, which does not count for root).
        package var processes: UInt64?
        /// How many processors at once, 0.5 for half of one.
        package var processors: Double?
        package var openFiles: UInt64?
        /// Seconds of processor time of each process.
        package var cpuSeconds: UInt64?
        /// Bytes of each file written.
        package var fileSize: UInt64?

        package init(
            memory: UInt64? = nil, processes: UInt64? = nil, processors: Double? = nil, openFiles: UInt64? = nil,
            cpuSeconds: UInt64? = nil,
            fileSize: UInt64? = nil
        ) {
            self.memory = memory
            self.processes = processes
            self.processors = processors
            self.openFiles = openFiles
            self.cpuSeconds = cpuSeconds
            self.fileSize = fileSize
        }

        /// Those that setrlimit can hold.
        static let count = 5
        var inOrder: [UInt64?] { [memory, processes, openFiles, cpuSeconds, fileSize] }
        init(inOrder values: [UInt64?]) {
            precondition(values.count == Self.count)
            self.init(
                memory: values[0], processes: values[1], openFiles: values[2], cpuSeconds: values[3],
                fileSize: values[4])
        }
    }

    /// How a child ended.
    package enum ExitStatus: Hashable, Sendable, CustomStringConvertible {
        case exited(code: Int32)
        case killed(signal: Int32)
        /// The launcher vanished before it could tell.
        case lost

        package var isSuccess: Bool { self == .exited(code: 0) }

        package var description: String {
            switch self {
            case .exited(let code): "exited with code \(code)"
            case .killed(let signal): "killed by signal \(signal)"
            case .lost: "lost"
            }
        }
    }

    /// Why a child could not be started.
    package enum SpawnError: Error, Hashable, Sendable, CustomStringConvertible {
        /// A text of the configuration contains NUL or the executable is empty.
        case invalidConfiguration
        /// The program could not be executed; the `errno` of the best attempt.
        case notExecutable(path: String, code: Int32)
        /// Something before the program failed: folder, limits, resources of ours.
        case system(step: String, code: Int32)
        /// A sandbox was asked for that this machine cannot enforce; why not.
        case cannotConfine(String)
        /// The launcher did not answer in time or not at all.
        case launcherFailed
        case timedOut
        case cancelled

        package var description: String {
            switch self {
            case .invalidConfiguration: "the command is not valid"
            case .notExecutable(let path, let code): "cannot run \(path): \(errorText(code))"
            case .system(let step, let code): "\(step): \(errorText(code))"
            case .cannotConfine(let reason): "its sandbox cannot be enforced: \(reason)"
            case .launcherFailed: "the launcher failed"
            case .timedOut: "the start took too long"
            case .cancelled: "cancelled"
            }
        }
    }
}
